//! The files of the fuzz corpus, and what fuzzing once found. Needs no rights.

#[path = "../fuzz/inputs.rs"]
mod inputs;

use std::path::Path;

#[test]
fn every_file_of_the_corpus_is_survived() {
    type Target = (&'static str, fn(&[u8]));
    let targets: [Target; 6] = [
        ("btf", inputs::btf),
        ("decode", inputs::decode),
        ("filter", inputs::filter),
        ("recording", inputs::recording),
        ("config", inputs::config),
        ("declaration", inputs::declaration),
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets {
        let files = std::fs::read_dir(corpus.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut seen = 0;
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            target(&std::fs::read(&path).unwrap());
            seen += 1;
        }
        assert!(seen > 2, "{name} has {seen} files");
    }
}
