use std::os::unix::fs::{MetadataExt as _, symlink};

use super::*;
use crate::config::read;
use crate::frame::SettingValue;
use crate::frame::threshold::Threshold;
use crate::ui::save::{Layout, Rendering};
use crate::ui::testing::disk_frame;

const BEFORE: &str = r#"# my settings
interval = 5.0 # not too fast
theme = "dark"

# the disks
[views.biotop]
# largest first
sort   =   "-bytes"   # yes
# not needed today
group = "comm"
widths = { comm = 12, pid = 9 } # wide

[views.tcptop]
sort = "-rx"

[keys]
# o is for open
picker = ["o"]
"#;

fn kept() -> Kept {
    let schema = disk_frame(0).table.schema.clone();
    let io = &schema.columns[schema.index("io").unwrap()];
    let biotop = ViewLayout {
        sort: Some("-bytes".into()),
        columns: Some(vec!["pid".into(), "io".into()]),
        widths: [("comm".to_owned(), 20)].into(),
        limits: vec![Threshold::parse(io, "warn 10 crit 20").unwrap()],
        settings: vec![("queued".into(), SettingValue::Bool(true))],
        ..ViewLayout::default()
    };
    let runqlat = ViewLayout { draw: Some(Rendering::HeatMap), ..ViewLayout::default() };
    let views = [("biotop".to_owned(), biotop), ("runqlat".to_owned(), runqlat)];
    Kept {
        layout: Layout {
            panes: vec!["biotop".into(), "runqlat".into()],
            views: views.into_iter().chain([("cachetop".to_owned(), ViewLayout::default())]).collect(),
            ..Layout::default()
        },
        theme: Some("light".into()),
        ..Kept::default()
    }
}

#[test]
fn what_is_kept_is_put_in_and_everything_else_stays() {
    let after = edit(BEFORE, &kept()).unwrap();
    for line in BEFORE.lines().filter(|line| line.contains('#') && !line.contains("widths")) {
        assert!(after.contains(line), "{line} is gone:\n{after}");
    }
    assert!(after.contains("comm = 20") && after.contains("# wide") && !after.contains("pid = 9"), "{after}");
    assert!(!after.contains("group") && !after.contains("cachetop"), "{after}");
    let parsed = read(&after, false);
    assert_eq!(parsed.problems, [], "{after}");
    assert_eq!((parsed.config.theme.as_str(), parsed.config.interval), ("light", 5.0));
    let layout = parsed.config.layout();
    assert_eq!(layout.panes, kept().layout.panes);
    for name in ["biotop", "runqlat"] {
        assert_eq!(layout.views[name], kept().layout.views[name], "{after}");
    }
    assert_eq!(layout.views["tcptop"].sort.as_deref(), Some("-rx"), "a view that is not open stays as it was");
    assert_eq!(edit(&after, &kept()).unwrap(), after, "once more changes nothing");
}

#[test]
fn a_new_file_is_one_that_can_be_read() {
    let text = edit("", &kept()).unwrap();
    assert_eq!(read(&text, false).problems, [], "{text}");
    assert!(text.contains("[views.biotop]") && !text.contains("[views]"), "{text}");
    for wrong in ["views = 3", "[views\n", "views = { biotop = 3 }", "dashboards = 1"] {
        assert!(edit(wrong, &kept()).unwrap_err().contains("not written"), "{wrong}");
    }
}

#[test]
fn the_complete_file_keeps_its_comments() {
    let text = edit(crate::config::DEFAULT, &kept()).unwrap();
    for line in crate::config::DEFAULT.lines().filter(|line| line.contains('#')) {
        assert!(text.contains(line), "{line} is gone:\n{text}");
    }
    let parsed = read(&text, false);
    assert_eq!(parsed.problems, [], "{text}");
    assert_eq!(parsed.config.layout().views["biotop"], kept().layout.views["biotop"]);
}

#[test]
fn tables_in_one_line_are_edited_too() {
    let text = edit("views = { biotop = { sort = \"pid\" } } # short\n", &kept()).unwrap();
    assert_eq!(read(&text, false).problems, [], "{text}");
    assert!(text.contains("# short"), "{text}");
}

fn target(path: PathBuf) -> Target {
    let trust = Trust { uid: rustix::process::geteuid().as_raw(), invoker: None };
    Target { path, named: false, base: "# base\n".into(), trust, invoker: None }
}

#[test]
fn a_file_is_replaced_in_one_step_through_links_with_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("dotfiles.toml"), dir.path().join("bcc-top/config.toml"));
    save(&target(link.clone()), &kept()).unwrap();
    assert!(std::fs::read_to_string(&link).unwrap().starts_with("# base\n"));
    std::fs::rename(&link, &real).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, &link).unwrap();
    let before = std::fs::metadata(&real).unwrap().ino();
    save(&target(link.clone()), &Kept { raw: Some(true), ..kept() }).unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    let after = std::fs::metadata(&real).unwrap();
    assert_ne!(after.ino(), before);
    assert_eq!(after.permissions().mode() & 0o777, 0o640);
    assert!(std::fs::read_to_string(&real).unwrap().contains("raw = true"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing half written is left");
}

#[test]
fn what_cannot_be_written_is_told_and_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "[views\n").unwrap();
    assert!(save(&target(path.clone()), &kept()).unwrap_err().contains("line 1"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "[views\n");
    assert!(save(&target("/proc/none/config.toml".into()), &kept()).is_err());
}

#[test]
fn in_the_folder_of_somebody_else_only_they_own_what_is_written() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("home/bcc-top/config.toml");
    let folder = path.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let home = folder.parent().unwrap();
    let give = |path: &Path, uid| std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
    give(home, 65534);
    let with = |invoker| Target { trust: Trust { uid: 0, invoker: Some(65534) }, invoker, ..target(path.clone()) };
    let nobody = Some(Invoker { uid: 65534, gid: 65534 });
    assert!(save(&with(None), &kept()).unwrap_err().contains("another user"));
    // The folder is root's: somebody may have linked it there.
    assert!(save(&with(nobody), &kept()).unwrap_err().contains("does not belong"));
    give(folder, 65534);
    save(&with(nobody), &kept()).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().uid(), 65534);
}
