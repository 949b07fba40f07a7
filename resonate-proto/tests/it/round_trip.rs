//! Whatever the core holds is the same after a trip over the wire, through bytes.

use std::fmt::Debug;

use proptest::prelude::*;
use prost::Message;
use resonate_core::{Create, PromiseId, Refusal, Restart, SessionId};
use resonate_proto::{
    BadMessage,
    client::{
        Cancel, Continue, Fork, Halt, Info, Page, PromiseReply, Search, ServedFunction, Settle,
        TreeSearch, Watch, WorkerInfo,
    },
    history, store,
    stream::{FromWorker, FromWorkerReader, ToWorker},
    v1,
};

use crate::any;

/// The bytes of a wire message, read again.
fn sent<W: Message + Default>(wire: &W) -> W {
    W::decode(wire.encode_to_vec().as_slice()).expect("what was encoded can be decoded")
}

fn check<W, C>(core: &C)
where
    W: Message + Default + for<'a> From<&'a C>,
    C: TryFrom<W, Error = BadMessage> + PartialEq + Debug,
{
    assert_eq!(C::try_from(sent(&W::from(core))).as_ref(), Ok(core));
}

proptest! {
    #[test]
    fn a_record_stays_the_same(record in any::promise::record()) {
        check::<v1::Record, _>(&record);
        let read = store::decode_record(&store::encode_record(&record)).expect("our own row");
        prop_assert_eq!(&read, &record);
        let text = history::write(&record.promise.id, [&record]);
        prop_assert_eq!(history::read(&text).expect("our own text"), [record]);
    }

    #[test]
    fn a_message_stays_the_same(message in any::request::message()) {
        check::<v1::Message, _>(&message);
        let read = store::decode_message(&store::encode_message(&message)).expect("our own row");
        prop_assert_eq!(read, message);
    }

    #[test]
    fn a_refusal_stays_the_same(refusal in any::request::refusal()) {
        check::<v1::Refusal, Refusal>(&refusal);
    }

    #[test]
    fn a_workers_stream_stays_the_same(
        hello in any::stream::hello(),
        items in prop::collection::vec(any::stream::from_worker(SessionId(7)), 0..4),
    ) {
        let hello = resonate_proto::stream::Hello { session: SessionId(7), ..hello };
        let all: Vec<_> = std::iter::once(FromWorker::Hello(hello)).chain(items).collect();
        let mut reader = FromWorkerReader::default();
        let mut read = Vec::new();
        for batch in FromWorker::batches(&all) {
            read.extend(reader.read(sent(&batch)).expect("what was written can be read"));
        }
        prop_assert_eq!(read, all);
    }

    #[test]
    fn the_servers_stream_stays_the_same(items in prop::collection::vec(any::stream::to_worker(), 0..4)) {
        let mut read = Vec::new();
        for batch in ToWorker::batches(&items) {
            read.extend(Vec::<ToWorker>::try_from(sent(&batch)).expect("what was written can be read"));
        }
        prop_assert_eq!(read, items);
    }

    #[test]
    fn requests_about_one_promise_stay_the_same(
        id in any::id(), ids in any::ids(), outcome in any::outcome(), text in any::text(), create in any::request::create(),
        key in any::promise::key(),
    ) {
        check::<v1::CreateRequest, Create>(&create);
        check::<v1::GetRequest, PromiseId>(&id);
        check::<v1::ContinueRequest, Continue>(&Continue { id: id.clone(), key });
        let at = ids.first().cloned();
        let version = at.as_ref().map(|_| 3);
        check::<v1::RestartRequest, Restart>(&Restart { id: id.clone(), at: at.clone(), version, key });
        check::<v1::ForkRequest, Fork>(&Fork { to: id.clone(), id: id.clone(), at, version });
        check::<v1::WatchRequest, Watch>(&Watch { ids });
        check::<v1::CancelRequest, Cancel>(&Cancel { id: id.clone(), reason: text.clone(), key });
        check::<v1::HaltRequest, Halt>(&Halt { id: id.clone(), reason: text, key });
        check::<v1::SettleRequest, Settle>(&Settle { id, outcome, key });
    }

    #[test]
    fn lists_of_promises_stay_the_same(
        search in any::client::search(), tree in any::client::tree_search(), page in any::client::page(), reply in any::client::promise_reply(),
    ) {
        check::<v1::SearchRequest, Search>(&search);
        check::<v1::TreeRequest, TreeSearch>(&tree);
        check::<v1::SearchReply, Page>(&page);
        check::<v1::TreeReply, Page>(&page);
        check::<v1::PromiseReply, PromiseReply>(&reply);
    }

    #[test]
    fn what_the_server_says_of_itself_stays_the_same(
        info in any::client::info(), worker in any::client::worker(), served in any::client::served(),
    ) {
        check::<v1::InfoReply, Info>(&info);
        let (workers, functions) = ([worker], [served]);
        let read = Vec::<WorkerInfo>::try_from(sent(&v1::WorkersReply::from(&workers[..])));
        prop_assert_eq!(read.as_deref(), Ok(&workers[..]));
        let read = Vec::<ServedFunction>::try_from(sent(&v1::FunctionsReply::from(&functions[..])));
        prop_assert_eq!(read.as_deref(), Ok(&functions[..]));
    }
}
