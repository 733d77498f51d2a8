use super::*;

fn map(wishes: &[(&str, &[&str])]) -> (Keymap, Vec<String>) {
    let wish = |(action, keys): &(&str, &[&str])| ((*action).to_owned(), keys.iter().map(|&k| k.to_owned()).collect());
    let wishes: Vec<Wish> = wishes.iter().map(wish).collect();
    let (map, problems) = Keymap::new(&wishes);
    (map, problems.into_iter().map(|(action, text)| format!("{action}: {text}")).collect())
}

#[track_caller]
fn assert_does(map: &Keymap, key: &str, pending: Option<&str>, action: Action) {
    let meaning = map.meaning(key, pending, Place::View);
    assert!(matches!(meaning, Meaning::Does(b) if b.action == action), "{key}: {meaning:?}");
}

#[test]
fn without_wishes_it_is_the_table() {
    let (map, problems) = map(&[]);
    assert!(problems.is_empty(), "{problems:?}");
    for (binding, keys) in map.lines() {
        assert_eq!(keys, binding.keys, "nothing of the table is unreachable");
    }
}

#[test]
fn every_name_of_a_key_is_read_as_it_is_written() {
    for name in NAMED.into_iter().chain(BINDINGS.iter().flat_map(|binding| binding.keys.iter().copied())) {
        assert_eq!(key_of(name).as_deref(), Ok(name));
    }
    for (text, key) in [
        ("ctrl-X", "Ctrl-x"),
        ("C-left", "Ctrl-Left"),
        ("PageUp", "PgUp"),
        ("g h", "gh"),
        ("g home", "g Home"),
        ("f12", "F12"),
        ("F 1", "F 1"),
        ("é", "é"),
    ] {
        assert_eq!(key_of(text).as_deref(), Ok(key), "{text}");
    }
    for (text, says) in [
        ("", "not a key"),
        (" ", "not a key"),
        ("Spcae", "Space"),
        ("Alt-x", "Alt"),
        ("abc", "not a key"),
        ("F99", "not a key"),
        ("Ctrl-i", "bind Tab"),
        ("a b c", "not a key"),
        ("\u{1b}", "not a key"),
    ] {
        assert!(key_of(text).unwrap_err().contains(says), "{text}: {:?}", key_of(text));
    }
}

#[test]
fn a_wish_replaces_the_keys_of_its_action_and_takes_them_from_defaults() {
    let (map, problems) = map(&[("picker", &["o", "F7"])]);
    assert!(problems.is_empty(), "{problems:?}");
    assert_does(&map, "o", None, Action::Picker);
    assert_does(&map, "F7", None, Action::Picker);
    assert!(matches!(map.meaning("v", None, Place::View), Meaning::Nothing));
    assert!(map.of(Action::Idle).is_empty());
    assert_eq!((map.hint(Action::Idle).as_str(), map.hint(Action::Picker).as_str()), (":idle", "o"));
}

#[test]
fn what_cannot_be_granted_is_told_with_the_nearest_word() {
    let (map, problems) =
        map(&[("pickr", &["o"]), ("explain", &["z", "zebra"]), ("pause", &["z", "x"]), ("units", &["jj"])]);
    let says = |part: &str| problems.iter().any(|problem| problem.contains(part));
    assert!(says("`pickr` is not an action; did you mean picker"), "{problems:?}");
    assert!(says("explain: `zebra` is not a key"), "{problems:?}");
    assert!(says("pause: `z` is bound to explain already"), "{problems:?}");
    assert!(says("units: `jj` can never be typed: `j` alone is down"), "{problems:?}");
    assert_eq!(problems.len(), 4);
    assert_does(&map, "z", None, Action::Explain);
    assert_does(&map, "x", None, Action::Pause);
}

#[test]
fn a_key_may_mean_two_things_in_places_that_never_meet() {
    let (_, problems) = map(&[("retry", &["z"]), ("reverse", &["z"])]);
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn chords_take_two_keys_and_make_way_for_a_single_one() {
    let (chords, problems) = map(&[("help", &["gh"]), ("log", &["g Home"])]);
    assert!(problems.is_empty(), "{problems:?}");
    assert!(matches!(chords.meaning("g", None, Place::View), Meaning::Prefix));
    assert_does(&chords, "h", Some("g"), Action::Help);
    assert_does(&chords, "Home", Some("g"), Action::Log);
    assert_does(&chords, "g", Some("g"), Action::First);
    assert_does(&chords, "j", Some("g"), Action::Down);
    let (single, problems) = map(&[("help", &["g"])]);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(single.of(Action::First), ["Home"]);
}

#[test]
fn there_is_always_a_way_out() {
    let (map, problems) = map(&[("quit", &[]), ("close", &[]), ("quit-leave", &[]), ("pause", &["Ctrl-c"])]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_does(&map, "Ctrl-c", None, Action::Quit);
}

#[test]
fn pages_know_actions_by_their_key_in_the_table() {
    let (map, _) = map(&[("down", &["n"]), ("find-next", &["j"])]);
    assert_eq!(map.as_in_table("n", Place::View), "j");
    assert_eq!(map.as_in_table("j", Place::View), "n");
    assert_eq!(map.as_in_table("Down", Place::View), "Down");
    assert_eq!(map.as_in_table("q", Place::View), "q");
}
