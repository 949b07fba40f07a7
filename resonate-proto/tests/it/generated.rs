//! The committed code is what the `.proto` files say, and they say what they said. `UPDATE_EXPECT=1 cargo test -p
//! resonate-proto` writes the code anew and adds new fields to `golden/fields.txt`.

use std::{collections::BTreeSet, env, fs};

use expect_test::expect_file;

const INCLUDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
const FILES: [&str; 4] = [
    "resonate/v1/promise.proto",
    "resonate/v1/client.proto",
    "resonate/v1/worker.proto",
    "resonate/store/v1/store.proto",
];

#[test]
fn the_generated_code_is_what_the_proto_files_say() {
    let out = tempfile::tempdir().expect("a directory of our own");
    let descriptors = protox::compile(FILES, [INCLUDE]).expect("the proto files are valid");
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .out_dir(out.path())
        .compile_fds(descriptors)
        .expect("valid files become code");
    let made = |name: &str| fs::read_to_string(out.path().join(name)).expect("a file per package");
    expect_file!["../../src/generated/resonate.v1.rs"].assert_eq(&made("resonate.v1.rs"));
    expect_file!["../../src/generated/resonate.store.v1.rs"]
        .assert_eq(&made("resonate.store.v1.rs"));
}

const FIELDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/fields.txt");

/// Peers and rows of every version rely on these: a field may be added, never changed or taken away.
#[test]
fn no_field_ever_changes_its_number_or_its_type() {
    let known = fs::read_to_string(FIELDS).expect("the list of fields");
    let known: BTreeSet<&str> = known.lines().collect();
    let fields = fields();
    let now: BTreeSet<&str> = fields.iter().map(String::as_str).collect();
    let gone: Vec<_> = known.difference(&now).collect();
    assert!(gone.is_empty(), "changed or taken away: {gone:#?}");
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(FIELDS, fields.join("\n") + "\n").expect("the list of fields");
    } else {
        let new: Vec<_> = now.difference(&known).collect();
        assert!(new.is_empty(), "new; run with UPDATE_EXPECT=1: {new:#?}");
    }
}

/// `package.Message.field = number type`, sorted.
fn fields() -> Vec<String> {
    let descriptors = protox::compile(FILES, [INCLUDE]).expect("the proto files are valid");
    let mut fields = Vec::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            for field in &message.field {
                let ty = field
                    .r#type()
                    .as_str_name()
                    .trim_start_matches("TYPE_")
                    .to_lowercase();
                let label = field
                    .label()
                    .as_str_name()
                    .trim_start_matches("LABEL_")
                    .to_lowercase();
                let (package, message) = (file.package(), message.name());
                let (name, number, of) = (field.name(), field.number(), field.type_name());
                let oneof = field.oneof_index.map_or("", |_| " oneof");
                let line = format!("{package}.{message}.{name} = {number} {label} {ty}{of}{oneof}");
                fields.push(line);
            }
        }
    }
    fields.sort();
    fields
}
