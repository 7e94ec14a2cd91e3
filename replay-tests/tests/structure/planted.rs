//! Planted violations are found, and nothing is found where there are none.

use crate::modules::Modules;
use crate::sources::Sources;
use crate::uses::{Use, all};
use crate::{circles, foreign, order, process};

fn sources(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(file, text)| (format!("ledger/src/{file}"), (*text).to_owned())).collect()
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    found_in(&sources(files), circles::found)
}

/// Sources with one kind of violation.
fn found_in(files: &Sources, look: fn(&Modules<'_>, &[Use<'_>]) -> Vec<String>) -> Vec<String> {
    let modules = Modules::of(files);
    look(&modules, &all(&modules))
}

fn finds_circle(files: &[(&str, &str)], around: &str) {
    let found = circles_of(files);
    assert!(found.len() == 1 && found[0].contains(around), "{found:?}");
}

#[test]
fn a_circle_through_a_grouped_import_is_found() {
    let files = [
        ("lib.rs", "mod a;\nmod b;"),
        (
            "a.rs",
            "use crate::{\n    b::{self as other, One as Renamed},\n};\npub struct Two(Renamed, other::Three);",
        ),
        ("b.rs", "use super::a::*;\npub struct One(Two);\npub struct Three;"),
    ];
    finds_circle(&files, "2 files use each other: ledger/src/a.rs -> ledger/src/b.rs -> ledger/src/a.rs");
    finds_circle(&files, "ledger/src/a.rs:2 uses One, Three of ledger/src/b.rs");
}

#[test]
fn a_circle_in_the_workspace_is_found() {
    let mut sources = crate::sources::of_the_workspace();
    let lowest = sources.get_mut("ledger/src/ids/image.rs").expect("it is there");
    lowest.push_str("\nuse crate::{files, log::{Head, Recorded as R}};\n");
    let found = found_in(&sources, circles::found);
    let planted = "ledger/src/ids/image.rs:170 uses Head, Recorded of ledger/src/log/envelope.rs";
    assert!(found.iter().any(|circle| circle.contains(planted)), "{found:?}");
}

#[test]
fn a_circle_through_an_inline_path_is_found() {
    let root = ("lib.rs", "mod a;\nmod b;");
    let uses_b = ("a.rs", "use crate::b::f;\npub fn g() { f() }");
    for inline in [
        "pub fn f() { super::a::g() }",
        "pub fn f() -> impl Fn() { crate::a::g }",
        "pub fn f() { assert!(crate::a::g() == ()) }",
        "#[derive(Debug)]\npub struct X { #[serde(with = \"crate::a::g\")] x: u8 }\npub fn f() {}",
        "pub fn f() { match 1 { 1 => { use crate::a; a::g() } _ => {} } }",
        "macro_rules! m { () => { $crate::a::g() } }\npub fn f() { m!() }",
    ] {
        finds_circle(
            &[root, uses_b, ("b.rs", inline)],
            "ledger/src/a.rs -> ledger/src/b.rs -> ledger/src/a.rs",
        );
    }
}

#[test]
fn a_circle_through_three_files_and_a_facade_is_found() {
    let files = [
        ("lib.rs", "pub mod a;\npub mod b;\npub mod c;\npub use a::A;"),
        ("a.rs", "use crate::b::B;\npub struct A(B);"),
        ("b/mod.rs", "mod inner;\npub use inner::B;"),
        ("b/inner.rs", "use crate::c;\npub struct B(c::C);"),
        ("c.rs", "pub struct C(Box<crate::A>);"),
    ];
    let around = "ledger/src/a.rs -> ledger/src/b/inner.rs -> ledger/src/c.rs -> ledger/src/a.rs";
    finds_circle(&files, around);
}

#[test]
fn a_child_that_uses_what_its_parent_defines_is_a_circle_if_the_parent_uses_the_child() {
    let child = ("b/inner.rs", "use super::B;\npub struct C(B);\npub fn f() {}");
    let root = ("lib.rs", "mod b;");
    for parent in [
        "mod inner;\nuse inner::C;\npub struct B;",
        "mod inner;\npub use inner::C;\npub struct B;\npub fn g(_: C) {}",
        "mod inner;\npub struct B;\nimpl B { fn g() { inner::f() } }",
    ] {
        finds_circle(&[root, ("b/mod.rs", parent), child], "2 files use each other");
    }
}

#[test]
fn a_facade_is_no_circle() {
    let files = [
        ("lib.rs", "pub mod b;\npub use b::{B, C};"),
        (
            "b/mod.rs",
            "mod one;\nmod two;\npub mod read { pub use super::two::*; }\npub use one::B;\npub use two::C;",
        ),
        ("b/one.rs", "pub struct B;\n#[cfg(test)]\nmod tests { use super::super::C; fn f(_: C) {} }"),
        ("b/two.rs", "use super::B;\npub struct C(B, crate::B);\nfn f() { let b = 1; }"),
    ];
    assert_eq!(circles_of(&files), [] as [String; 0]);
    // What the parent defines may be used by its children, as long as it does not use them.
    let parent = ("b/mod.rs", "mod one;\nmod two;\npub use one::B;\npub use two::C;\npub struct D;");
    let two = ("b/two.rs", "use super::{B, D};\npub struct C(B, D);");
    assert_eq!(circles_of(&[files[0], parent, files[2], two]), [] as [String; 0]);
}

#[test]
fn a_path_that_leads_nowhere_is_told() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\n#[macro_export]\nmacro_rules! m { () => {} }"),
        ("a.rs", "use crate::b::Missing;\nfn f() { crate::m!(); crate::b::Kind::One; }"),
        ("b.rs", "pub enum Kind { One }"),
    ];
    let found = found_in(&sources(&files), order::unknown);
    assert_eq!(found, ["ledger/src/a.rs:1: crate::b has no Missing"]);
}

#[test]
fn a_module_above_and_a_crate_above_are_found() {
    let files = [
        ("lib.rs", "pub mod ids;\npub mod log;\npub mod misc;\npub use log::Entry;"),
        ("ids.rs", "use crate::{\n    Entry,\n};\npub struct Id(Entry);"),
        ("log.rs", "use crate::ids::Id;\npub struct Entry;\nfn f(_: Id) {}"),
        ("misc.rs", ""),
    ];
    let found = found_in(&sources(&files), order::upwards);
    let used = [
        "ledger/src/ids.rs:2 uses log, which is above it",
        "ledger/src/ids.rs:4 uses log, which is above it",
    ];
    assert_eq!(found[..2], used);
    assert_eq!(found[2..], ["the module misc of the ledger has no place in the order"]);
    let text = "use {std::fmt, ::tokio::sync};\nfn f() { haloy::run(); }\n#[cfg(test)]\nmod tests { use clap::Parser; }";
    let found = order::wrong_crates(&sources(&[("log.rs", text)]));
    let expected =
        ["ledger/src/log.rs:4 uses clap", "ledger/src/log.rs:1 uses tokio", "ledger/src/log.rs:2 uses haloy"];
    assert_eq!(found, expected);
    let edge = [("executors/edge/src/lib.rs".to_owned(), "use haloy_executors::Executor;".to_owned())];
    assert_eq!(order::wrong_crates(&edge.into()), ["executors/edge/src/lib.rs:1 uses haloy_executors"]);
}

#[test]
fn a_ledger_that_is_met_elsewhere_is_found() {
    let mut files = sources(&[
        ("lib.rs", "pub mod ledger;\npub use ledger::Ledger;"),
        ("ledger/mod.rs", "mod open;\npub use open::Ledger;"),
        ("ledger/open.rs", "pub struct Ledger;"),
    ]);
    files.insert("executors/src/lib.rs".to_owned(), "mod hands;\nmod values;".to_owned());
    files.insert("executors/src/values.rs".to_owned(), "use haloy_ledger::Ledger;".to_owned());
    files.insert("executors/src/hands.rs".to_owned(), "use haloy_ledger::{Ledger as L};".to_owned());
    files.insert("executors/edge/src/lib.rs".to_owned(), "use haloy_ledger::Ledger;".to_owned());
    files.insert("cli/src/lib.rs".to_owned(), "mod commands;".to_owned());
    files.insert("cli/src/commands.rs".to_owned(), "fn f() { haloy_ledger::ledger::Ledger; }".to_owned());
    let found = found_in(&files, order::ledgers);
    assert_eq!(
        found,
        [
            "cli/src/commands.rs:1 names the ledger",
            "executors/edge/src/lib.rs:1 names the ledger",
            "executors/src/hands.rs:1 names the ledger"
        ]
    );
}

#[test]
fn a_service_that_reads_its_process_is_found() {
    for (read, told) in [
        ("fn f() { std::env::var(\"HOME\"); }", "std::env::var"),
        ("use std::env;\nfn f() { env::current_exe(); }", "std::env"),
        ("use std::{fs, process as p};\nfn f() { p::id(); }", "std::process"),
        ("use rustix::*;\nfn f() { process::getuid(); }", "rustix"),
        ("fn f() { rustix::system::uname(); }", "rustix::system::uname"),
        ("fn f() { match 1 { _ => drop(std::process::exit(0)) } }", "std::process::exit"),
        ("async fn f() { tokio::signal::ctrl_c().await; }", "tokio::signal::ctrl_c"),
        ("fn f() { haloy_ledger::SystemClock; }", "SystemClock"),
    ] {
        let mut files = sources(&[("lib.rs", "pub struct SystemClock;")]);
        files.insert("cli/src/lib.rs".to_owned(), read.to_owned());
        files.insert("cli/service/src/lib.rs".to_owned(), "mod embedded;".to_owned());
        files.insert("cli/service/src/embedded.rs".to_owned(), read.to_owned());
        let found = found_in(&files, process::read);
        assert!(found.iter().any(|found| found.ends_with(&format!(" names {told}"))), "{read}: {found:?}");
        assert!(found.iter().all(|found| found.starts_with("cli/service/src/embedded.rs:")), "{found:?}");
        // A test of the service may stand for the program that gives it its clock.
        files.insert(
            "cli/service/src/embedded.rs".to_owned(),
            format!("#[cfg(test)]\nmod tests {{ {read} }}"),
        );
        assert_eq!(found_in(&files, process::read), [] as [String; 0]);
    }
    let mut sources = crate::sources::of_the_workspace();
    let lowest = sources.get_mut("cli/service/src/embedded/find.rs").expect("it is there");
    lowest.push_str("\nfn who() -> Option<String> { std::env::var(\"USER\").ok() }\n");
    let found = found_in(&sources, process::read);
    assert!(found.len() == 1 && found[0].starts_with("cli/service/src/embedded/find.rs:"), "{found:?}");
    assert_eq!(crate::sources::within("cli/service/src/lib.rs"), Some(("haloy_service", "src/lib.rs")));
    assert_eq!(crate::sources::within("cli/src/lib.rs"), Some(("haloy", "src/lib.rs")));
}

#[test]
fn a_foreign_type_in_a_public_signature_is_found() {
    let leaks = [
        "pub fn f() -> Result<(), bollard::errors::Error> { Ok(()) }",
        "use bollard::{Docker as Engine};\npub struct S { pub engine: Option<Engine> }",
        "pub enum E { Raw(oci_client::Reference) }",
        "pub type T = fjall::Database;",
        "pub struct S;\nimpl S { pub fn f(&self, _: &fjall::Keyspace) {} }",
        "pub struct S;\nimpl From<bollard::errors::Error> for S { fn from(_: bollard::errors::Error) -> S { S } }",
        "pub trait T { fn f(&self) -> bollard::Docker; }",
        "type Hidden = Vec<bollard::Docker>;\npub fn f(_: Hidden) {}",
    ];
    for leak in leaks {
        let files = [("lib.rs", "mod door;\npub use door::*;"), ("door.rs", leak)];
        let found = foreign::in_signatures(&Modules::of(&sources(&files)), &["haloy_ledger"]);
        assert!(!found.is_empty(), "{leak}");
        // Items that are not nameable from outside are the crate's own business.
        let inside = [("lib.rs", "mod door;\npub(crate) use door::*;"), ("door.rs", leak)];
        let found = foreign::in_signatures(&Modules::of(&sources(&inside)), &["haloy_ledger"]);
        assert_eq!(found, [] as [String; 0], "{leak}");
    }
    let kept = "pub struct S { engine: bollard::Docker }\nimpl S { fn f(&self) -> &bollard::Docker { &self.engine } }";
    let files = [("lib.rs", "pub mod door;"), ("door.rs", kept)];
    assert_eq!(foreign::in_signatures(&Modules::of(&sources(&files)), &["haloy_ledger"]), [] as [String; 0]);
}

#[test]
fn a_library_that_is_named_away_from_its_door_is_found() {
    let files = [
        ("lib.rs", "pub mod log;\npub mod ids;"),
        ("log/mod.rs", "mod fjall;\npub use fjall::Log;"),
        ("log/fjall/mod.rs", "use ::fjall::Database;\npub struct Log(Database);"),
        ("ids.rs", "fn f() { drop(fjall::Config::new()) }"),
    ];
    let found = found_in(&sources(&files), |_, all| foreign::outside(all));
    assert_eq!(found, ["ledger/src/ids.rs:1 names fjall::Config::new"]);
}
