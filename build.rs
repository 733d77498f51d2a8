//! Compiles each BPF program once per change and lists views and truth tests for the crate.
//!
//! A view is found by its files alone: `src/bpf/NAME.bpf.c`, `src/views/NAME.toml` and
//! `tests/truth/NAME.rs`. Nothing else names it.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tempfile::TempDir;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for watched in ["src/bpf", "src/bpf/include", "src/views", "tests/truth"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    println!("cargo:rerun-if-env-changed=CLANG");
    link_zstd();
    let programs = stems(&root.join("src/bpf"), ".bpf.c")?;
    let clang = Clang::find(&root)?;
    for name in &programs {
        clang.compile(&out, name)?;
    }
    write_if_changed(&out.join("views.rs"), &views_list(&root, &out, &programs)?)?;
    write_if_changed(&out.join("truth.rs"), &truth_list(&root)?)
}

/// From elfutils 0.189 on, libelf.a may call zstd, which libbpf-sys does not link.
fn link_zstd() {
    let target = env::var("TARGET").unwrap_or_default().replace('-', "_");
    let Ok(dirs) = env::var(format!("LIBBPF_SYS_LIBRARY_PATH_{target}")) else { return };
    for dir in dirs.split(':') {
        let elf = fs::read(Path::new(dir).join("libelf.a")).unwrap_or_default();
        let name = b"ZSTD_decompress";
        if elf.windows(name.len()).any(|window| window == name) {
            println!("cargo:rustc-link-arg=-L{dir}");
            println!("cargo:rustc-link-arg=-l:libzstd.a");
        }
    }
}

/// Names of the files in `dir` that end in `suffix`, without it, sorted.
fn stems(dir: &Path, suffix: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(suffix) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The declarations with the object each one uses: `program = "other"` shares another view's.
fn views_list(root: &Path, out: &Path, programs: &[String]) -> Result<String> {
    let mut list = String::from("{\n");
    for name in programs {
        let (packed, len) = (packed(out, name), fs::metadata(object(out, name))?.len());
        let name = name.to_uppercase();
        writeln!(list, "static {name}: Object = Object::packed(include_bytes!({packed:?}), {len});")?;
    }
    list.push_str("&[\n");
    for name in stems(&root.join("src/views"), ".toml")? {
        let path = root.join("src/views").join(format!("{name}.toml"));
        let decl: toml::Table = fs::read_to_string(&path)?.parse()?;
        let program = decl.get("program").and_then(|p| p.as_str()).unwrap_or(&name);
        if !programs.iter().any(|p| p == program) {
            return Err(format!("{}: there is no src/bpf/{program}.bpf.c", path.display()).into());
        }
        let program = program.to_uppercase();
        writeln!(list, "    BuiltIn {{ name: {name:?}, toml: include_str!({path:?}), object: &{program} }},")?;
    }
    list.push_str("]\n}\n");
    Ok(list)
}

/// Where the object of a program is.
fn object(out: &Path, name: &str) -> PathBuf {
    out.join(format!("{name}.bpf.o"))
}

/// Where it is compressed: a quarter of the size, and unpacked in 0.1 ms when a view is opened.
fn packed(out: &Path, name: &str) -> PathBuf {
    out.join(format!("{name}.bpf.o.zst"))
}

/// One module for each truth test, so that they build into one test binary.
fn truth_list(root: &Path) -> Result<String> {
    let (mut list, mut work, mut tests) = (String::new(), String::new(), String::new());
    for name in stems(&root.join("tests/truth"), ".rs")? {
        if name != "main" {
            let path = root.join("tests/truth").join(format!("{name}.rs"));
            writeln!(list, "#[path = {path:?}]\nmod {name};")?;
            writeln!(work, "    ({name:?}, {name}::work),")?;
            writeln!(tests, "    ({name:?}, {name}::TESTS),")?;
        }
    }
    // What the worker processes of each test run.
    writeln!(list, "static WORK: &[(&str, support::Work)] = &[\n{work}];")?;
    writeln!(list, "static TESTS: &[(&str, &[support::Test])] = &[\n{tests}];")?;
    Ok(list)
}

struct Clang {
    clang: String,
    strip: String,
    tree: TempDir,
    /// Changes with the text of any header.
    headers: u64,
}

impl Clang {
    /// `$CLANG`, else `clang`, else the newest `clang-N` in PATH; `llvm-strip` of the same version.
    fn find(root: &Path) -> Result<Clang> {
        let headers = env::var("DEP_BPF_INCLUDE")?;
        let versions = (14..40).rev().map(|n| format!("clang-{n}"));
        let asked = env::var("CLANG").ok().into_iter().chain(["clang".to_owned()]);
        let works = |name: &String| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
        let clang = asked
            .chain(versions)
            .find(works)
            .ok_or("no clang found: install clang-19 (apt-get install clang-19 llvm-19) or set CLANG")?;
        let strip = clang.replace("clang", "llvm-strip");
        let tree = staged(root, Path::new(&headers))?;
        let mut hasher = DefaultHasher::new();
        for headers in ["src/bpf/include", "libbpf/bpf"] {
            let headers = tree.path().join(headers);
            for header in stems(&headers, ".h")? {
                fs::read(headers.join(format!("{header}.h")))?.hash(&mut hasher);
            }
        }
        Ok(Clang { clang, strip, tree, headers: hasher.finish() })
    }

    /// Compiles `name`, unless the source, the headers and the flags are those of the last time.
    fn compile(&self, out: &Path, name: &str) -> Result<()> {
        let source = format!("src/bpf/{name}.bpf.c");
        let (object, packed) = (object(out, name), packed(out, name));
        let stamp = out.join(format!("{name}.hash"));
        let arch = match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
            "x86_64" => "x86",
            "aarch64" => "arm64",
            other => return Err(format!("no BPF target name known for {other}").into()),
        };
        let define = format!("-D__TARGET_ARCH_{arch}");
        let mut hasher = DefaultHasher::new();
        (&self.clang, &define, self.headers, fs::read(self.tree.path().join(&source))?).hash(&mut hasher);
        let hash = format!("{:x}", hasher.finish());
        if packed.exists() && object.exists() && fs::read_to_string(&stamp).is_ok_and(|old| old == hash) {
            return Ok(());
        }
        // cpu v2: 5.10 refuses the atomics that v3 may emit. -g is for BTF; strip drops the DWARF.
        let mut compile = Command::new(&self.clang);
        compile.current_dir(self.tree.path()).env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path)));
        compile.args(["-target", "bpf", "-mcpu=v2", "-O2", "-g", "-Wall", "-Werror", &define]);
        compile.args(["-fdebug-compilation-dir=.", "-I", "src/bpf/include", "-I", "libbpf"]);
        compile.args(["-c", &source, "-o", "object"]);
        run(compile)?;
        let built = self.tree.path().join("object");
        let mut strip = Command::new(&self.strip);
        strip.arg("-g").arg(&built);
        run(strip)?;
        let built = fs::read(built)?;
        fs::write(packed, zstd::bulk::compress(&built, 19)?)?;
        fs::write(object, built)?;
        Ok(fs::write(stamp, hash)?)
    }
}

/// A copy of all that clang reads, in a directory whose name is equally long wherever the tree is.
///
/// clang sorts some types of BTF by where its memory has them (FixupDerivedTypes in LLVM's BTFDebug.cpp), which moves with the
/// length of the path where it works: the same source would give other bytes in another place.
fn staged(root: &Path, libbpf: &Path) -> Result<TempDir> {
    let tree = tempfile::Builder::new().prefix("bcc-top-bpf.").rand_bytes(8).tempdir()?;
    for (from, to) in [
        (root.join("src/bpf"), "src/bpf"),
        (root.join("src/bpf/include"), "src/bpf/include"),
        (libbpf.join("bpf"), "libbpf/bpf"),
    ] {
        let to = tree.path().join(to);
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    Ok(tree)
}

fn run(mut command: Command) -> Result<()> {
    let output = command.output().map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}\n{}", String::from_utf8_lossy(&output.stderr)).into())
}

fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    Ok(fs::write(path, text)?)
}
