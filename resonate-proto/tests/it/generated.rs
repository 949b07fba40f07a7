//! The committed code is what the `.proto` files say. `UPDATE_EXPECT=1 cargo test -p resonate-proto` writes it anew.

use std::fs;

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
