//! The corpora of the fuzz targets: what once led somewhere new goes on being answered.

use std::fs;
use std::path::Path;

use super::invariants::{decoding, merging, resolving};
use crate::decode::fixtures::sorted;

fn replay(target: &str, body: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let files = sorted(&corpus, Path::is_file);
    assert!(files.len() >= 10, "the corpus of {target} has {} files", files.len());
    for file in files {
        body(&fs::read(file).unwrap());
    }
}

#[test]
fn the_corpus_of_decode_is_answered() {
    replay("decode", decoding::bytes);
}

#[test]
fn the_corpus_of_policy_is_answered() {
    replay("policy", resolving::bytes);
}

#[test]
fn the_corpus_of_merge_is_answered() {
    replay("merge", merging::lines);
}
