//! Bytes that are cut, flipped or made up are an error or a value, never a panic.

use proptest::{collection::vec, prelude::*};
use prost::Message as _;
use resonate_proto::{
    status, store,
    stream::{FromWorker, FromWorkerReader, ToWorker},
    v1,
};

use crate::any;

/// Reads these bytes as everything that comes from outside.
fn read_as_anything(bytes: &[u8]) {
    let _ = store::decode_record(bytes);
    let _ = store::decode_message(bytes);
    if let Ok(wire) = v1::FromWorker::decode(bytes) {
        let _ = FromWorkerReader::default().read(wire);
    }
    if let Ok(wire) = v1::ToWorker::decode(bytes) {
        let _ = Vec::<ToWorker>::try_from(wire);
    }
    if let Ok(wire) = v1::CreateRequest::decode(bytes) {
        let _ = resonate_core::Create::try_from(wire);
    }
    let mut status = tonic::Status::internal("");
    status.metadata_mut().insert_bin(
        status::DETAILS,
        tonic::metadata::MetadataValue::from_bytes(bytes),
    );
    let _ = status::from_status(&status);
}

proptest! {
    #[test]
    fn a_row_that_was_cut_is_refused(record in any::promise::record(), at in any::<prop::sample::Index>()) {
        let row = store::encode_record(&record);
        let cut = &row[..at.index(row.len())];
        prop_assert!(store::decode_record(cut).is_err());
        read_as_anything(cut);
    }

    #[test]
    fn a_row_with_a_flipped_bit_never_panics(record in any::promise::record(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut row = store::encode_record(&record).to_vec();
        let at = at.index(row.len());
        row[at] ^= 1 << bit;
        read_as_anything(&row);
    }

    #[test]
    fn a_stream_with_a_flipped_byte_never_panics(
        hello in any::stream::hello(), item in any::stream::from_worker(resonate_core::SessionId(1)), answer in any::stream::to_worker(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        for mut bytes in [
            FromWorker::batches(&[FromWorker::Hello(hello), item])[0].encode_to_vec(),
            ToWorker::batches(&[answer])[0].encode_to_vec(),
        ] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            read_as_anything(&bytes);
        }
    }

    #[test]
    fn bytes_that_mean_nothing_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        read_as_anything(&bytes);
    }
}
