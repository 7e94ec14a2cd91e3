//! `.env` files: the cases that Docker Compose documents, those of its own tests, and what is refused.

use crate::config::dotenv::parse;
use crate::config::environment::{Environment, NoValue};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// What a file gives to a process that has OTHER, EMPTY and PROC.
fn read(text: &str) -> Result<BTreeMap<String, Result<String, String>>, String> {
    let known = |name: &str| match name {
        "OTHER" => Some(Ok("other".to_owned())),
        "EMPTY" => Some(Ok(String::new())),
        "PROC" => Some(Ok("process".to_owned())),
        _ => None,
    };
    let entries =
        parse(text, &known, &|_| None).map_err(|fault| format!("{}: {}", fault.line, fault.cause))?;
    let told = |fault: crate::config::dotenv::Fault| format!("{}: {}", fault.line, fault.cause);
    Ok(entries.into_iter().map(|(name, entry)| (name, entry.map_err(told))).collect())
}

#[track_caller]
fn is(text: &str, expected: &str) {
    let entries = read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(entries.get("VAR"), Some(&Ok(expected.to_owned())), "{text:?}");
}

#[test]
fn the_documented_syntax() {
    for (text, expected) in [
        ("VAR=VAL", "VAL"),
        ("VAR=\"VAL\"", "VAL"),
        ("VAR='VAL'", "VAL"),
        ("VAR: VAL", "VAL"),
        ("VAR = VAL  \n", "VAL"),
        ("VAR=VAL # comment", "VAL"),
        ("VAR=VAL# not a comment", "VAL# not a comment"),
        ("VAR=\"VAL # not a comment\"", "VAL # not a comment"),
        ("VAR=\"VAL\" # comment", "VAL"),
        ("VAR='a # b' # c", "a # b"),
        ("VAR='$OTHER'", "$OTHER"),
        ("VAR='${OTHER}'", "${OTHER}"),
        (r"VAR='Let\'s go!'", "Let's go!"),
        (r#"VAR="{\"hello\": \"json\"}""#, r#"{"hello": "json"}"#),
        (r#"VAR="some\tvalue""#, "some\tvalue"),
        (r"VAR='some\tvalue'", r"some\tvalue"),
        (r"VAR=some\tvalue", r"some\tvalue"),
        ("VAR='SOME\nVALUE'", "SOME\nVALUE"),
        ("VAR=\"SOME\nVALUE\"\nB=1", "SOME\nVALUE"),
        (r#"VAR="a\nb\rc\\d""#, "a\nb\rc\\d"),
        ("# A=1\n\n   \n  # b\nVAR=VAL", "VAL"),
        ("VAR=", ""),
        ("VAR=\nB=1", ""),
        ("VAR=\"\"", ""),
        ("VAR= # nothing but a comment", ""),
        ("VAR=#text", "#text"),
    ] {
        is(text, expected);
    }
}

#[test]
fn what_users_write_arrives_as_written() {
    for (text, expected) in [
        ("VAR=\"x\" # c", "x"),
        (r"VAR=C:\\new", r"C:\\new"),
        (r"VAR=C:\new", r"C:\new"),
        (r"VAR='C:\\new'", r"C:\\new"),
        (r#"VAR="C:\\new""#, r"C:\new"),
        ("export\tVAR=x", "x"),
        ("  export   VAR=x", "x"),
        ("export VAR: x", "x"),
        ("exportVAR=1\nVAR=x", "x"),
        ("VAR=a=b=c", "a=b=c"),
        ("VAR=it's", "it's"),
        ("VAR=say \"hi\"", "say \"hi\""),
        ("VAR='say \"hi\"'", "say \"hi\""),
        ("VAR=x\t# no blank of ours", "x\t# no blank of ours"),
        ("VAR=1\nVAR=2", "2"),
        (r#"VAR="a\q\ b""#, r"a\q\ b"),
        ("VAR=é ü", "é ü"),
        (
            "VAR=\"-----BEGIN KEY-----\nabc#def\n-----END KEY-----\"\n",
            "-----BEGIN KEY-----\nabc#def\n-----END KEY-----",
        ),
        ("VAR.B-c[0]=1\nVAR=x", "x"),
    ] {
        is(text, expected);
    }
}

#[test]
fn variables_in_values() {
    for (value, expected) in [
        ("$OTHER", "other"),
        ("${OTHER}x", "otherx"),
        ("\"<$OTHER>\"", "<other>"),
        ("$FIRST-$OTHER", "first-other"),
        ("${NONE:-default}", "default"),
        ("${NONE-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY-default}", ""),
        ("${OTHER:-default}", "other"),
        ("${NONE:-}", ""),
        ("${NONE:-${OTHER}}", "other"),
        ("${NONE:-${ALSO_NONE:-x}y}z", "xyz"),
        ("\"${NONE:-\\\"q\\\"}\"", "\"q\""),
        ("${OTHER:+set}", "set"),
        ("${EMPTY:+set}", ""),
        ("${EMPTY+set}", "set"),
        ("${NONE+set}", ""),
        ("${OTHER:?needed}", "other"),
        ("${EMPTY?needed}", ""),
        ("$$OTHER", "$OTHER"),
        ("$${OTHER}", "${OTHER}"),
        ("\"\\$OTHER \\${OTHER}\"", "$OTHER ${OTHER}"),
        ("a$ b$1 c$", "a$ b$1 c$"),
    ] {
        is(&format!("FIRST=first\nVAR={value}"), expected);
    }
    // A variable of the process comes before one of the file.
    is("PROC=file\nVAR=$PROC", "process");
    // A name alone takes the present value of the variable.
    assert_eq!(read("OTHER\nNOWHERE\nA=1").expect("reads").len(), 2);
}

#[test]
fn what_would_be_lost_is_an_error_of_its_variable_alone() {
    for (value, told) in [
        ("pa$word", "2: a `$` in it begins the name of a variable that is not set"),
        ("${NONE}", "2: it asks for the variable NONE, which is not set"),
        ("${NONE:?set it}", "2: it needs the variable NONE: set it"),
        ("${EMPTY:?set it}", "2: it needs the variable EMPTY: set it"),
        ("${OTHER/a/b}", "2: `${OTHER...}` is not a known form"),
        ("${}", "is not a known form"),
        ("${:-x}", "is not a known form"),
        ("${OTHER", "2: `${` is never closed"),
    ] {
        let entries = read(&format!("A=1\nVAR={value}\nB=$VAR\nC=3")).expect("reads");
        let error = entries["VAR"].clone().expect_err(value);
        assert!(error.contains(told) && !error.contains("word"), "{value}: {error}");
        assert!(entries["B"].is_err(), "what needs it has none either");
        assert_eq!((entries["A"].as_deref(), entries["C"].as_deref()), (Ok("1"), Ok("3")));
    }
    let deep = format!("VAR={}x{}", "${N:-".repeat(100), "}".repeat(100));
    assert!(read(&deep).expect("reads")["VAR"].clone().expect_err("deep").contains("deep"));
}

#[test]
fn lines_that_are_none_are_named() {
    for (text, told) in [
        ("A=1\nVAR='open\nB=2\n", "2: the ' that opens the value of `VAR` is never closed"),
        ("VAR=\"a\\\"", "1: the \" that opens"),
        ("A='x\ny'\nVAR=\"x\" y", "3: something stands after the closing \""),
        ("A=1\n\n# c\nlol wut", "4: there is no `=` after the name; write `NAME=value`"),
        ("lol$wut", "1: there is no `=` after the name"),
        ("=x", "1: there is no name before the value"),
        ("- A=1", "there is no"),
        ("VAR='a'b", "1: something stands after the closing '"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(told), "{text:?}: {error}");
    }
    // Neither the value nor what follows it is shown.
    for text in ["VAR='hunter2", "VAR='a' hunter2"] {
        assert!(!read(text).expect_err(text).contains("hunter2"));
    }
}

fn environment(files: &[(&str, &[u8])], process: &[(&str, &[u8])]) -> (Environment, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let process =
        process.iter().map(|(name, value)| (OsString::from(name), OsString::from_vec(value.to_vec())));
    let environment =
        Environment::of(process.collect::<Vec<_>>().into_iter(), folder.path(), folder.path(), "prod");
    (environment, folder)
}

#[test]
fn the_process_comes_before_the_file_of_the_target_and_that_before_the_other() {
    let (environment, _folder) = environment(
        &[
            (".env", b"\xef\xbb\xbfA=1\r\nB=1\r\nC=1\r\nD=\"x\r\ny\"\r\n"),
            (".env.prod", b"B=2\nC=2\nE=$A$B$P\n"),
        ],
        &[("C", b"3"), ("P", b"p")],
    );
    let values = ["A", "B", "C", "D", "E"].map(|name| environment.get(name).expect("set").to_owned());
    assert_eq!(values, ["1", "2", "3", "x\ny", "12p"]);
    assert_eq!(environment.get("NONE"), Err(NoValue::NotSet));
}

#[test]
fn a_file_that_cannot_be_read_unsets_nothing_silently() {
    let (broken, _folder) =
        environment(&[(".env", b"A=1\nB=\xe9\n"), (".env.prod", b"C=3\n")], &[("D", b"4")]);
    let Err(NoValue::Unread(file, fault)) = broken.get("A") else { panic!("{:?}", broken.get("A")) };
    assert!(file.ends_with(".env") && fault.line == 2 && fault.cause.contains("0xE9"), "{fault:?}");
    assert_eq!((broken.get("C"), broken.get("D")), (Ok("3"), Ok("4")), "what is found before it is needed");

    let (odd, folder) = environment(&[], &[("A", b"\xff")]);
    assert_eq!(odd.get("A"), Err(NoValue::OfProcess("which is not UTF-8".to_owned())));
    // A folder of that name is a Python environment, and not a file.
    std::fs::create_dir(folder.path().join(".env")).expect("made");
    assert_eq!(
        Environment::of(std::iter::empty(), folder.path(), folder.path(), "prod").get("A"),
        Err(NoValue::NotSet)
    );
    // A link to itself cannot be accessed, which is not the same as missing.
    std::os::unix::fs::symlink(".env.prod", folder.path().join(".env.prod")).expect("made");
    let looped = Environment::of(std::iter::empty(), folder.path(), folder.path(), "prod");
    assert!(matches!(looped.get("A"), Err(NoValue::Unread(..))));
}

#[test]
fn every_file_has_its_place_and_the_process_wins_over_all() {
    let root = tempfile::tempdir().expect("a folder");
    let place = |name: &str| root.path().join(name);
    // Weakest first; each sets its own variable and all those of weaker ones.
    let files = [
        "config/.env",
        "home/.config/haloy/.env",
        "here/.env",
        "here/.env.local",
        "home/.config/haloy/.env.local",
        "config/.env.local",
        "here/.env.prod",
        "config/.env.prod",
    ];
    for (number, file) in files.iter().enumerate() {
        let lines: String = (number..=files.len()).map(|of| format!("V{of}={number}\n")).collect();
        std::fs::create_dir_all(place(file).parent().expect("a folder")).expect("made");
        std::fs::write(place(file), lines).expect("written");
    }
    std::fs::write(place("config/.env.staging"), "V0=staging\n").expect("written");
    let environment = |process: &[(&str, &str)], target| {
        let home = ("HOME".into(), place("home").into_os_string());
        let given = process.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let given: Vec<_> = given.chain([home]).collect();
        Environment::of(given.into_iter(), &place("config"), &place("here"), target)
    };
    let of_prod = environment(&[("V8", "process")], "prod");
    // What stands in files up to the n-th comes from the n-th.
    for (number, file) in files.iter().enumerate() {
        assert_eq!(of_prod.get(&format!("V{number}")), Ok(&*number.to_string()), "{file}");
    }
    assert_eq!(of_prod.get("V8"), Ok("process"));
    // Another target gets none of it.
    assert_eq!(environment(&[], "staging").get("V0"), Ok("staging"));
    assert_eq!(environment(&[], "other").get("V7"), Ok("5"));
    // Where the working folder is that of the file, its `.env` is read once, before that of the user.
    let home = ("HOME".into(), place("home").into_os_string());
    let same = Environment::of([home].into_iter(), &place("here"), &place("here/../here"), "other");
    assert_eq!((same.get("V2"), same.get("V4")), (Ok("2"), Ok("3")));
}
