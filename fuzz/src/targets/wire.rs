//! Messages of the wire. What is understood is written again, and must be understood as the same.

use std::fmt::Debug;

use prost::Message;
use resonate_core::{Create, NewSchedule, PromiseId, Refusal};
use resonate_proto::{
    BadMessage,
    client::{
        Cancel, ChangeSchedule, Continue, Halt, Info, Page, PromiseReply, Search, ServedFunction,
        Settle, TreeSearch, Watch, WorkerInfo,
    },
    stream::{FromWorker, FromWorkerReader, ToWorker},
    v1,
};

pub(super) fn from_worker(data: &[u8]) -> bool {
    let Ok(wire) = v1::FromWorker::decode(data) else {
        return false;
    };
    let Ok(items) = FromWorkerReader::default().read(wire) else {
        return false;
    };
    let mut reader = FromWorkerReader::default();
    let again = FromWorker::batches(&items).into_iter().flat_map(|message| {
        let read = reader.read(sent(&message));
        read.expect("what was understood is understood again")
    });
    assert_eq!(again.collect::<Vec<_>>(), items);
    true
}

pub(super) fn to_worker(data: &[u8]) -> bool {
    let Ok(wire) = v1::ToWorker::decode(data) else {
        return false;
    };
    let Ok(items) = Vec::<ToWorker>::try_from(wire) else {
        return false;
    };
    let again = ToWorker::batches(&items).into_iter().flat_map(|message| {
        let read = Vec::<ToWorker>::try_from(sent(&message));
        read.expect("what was understood is understood again")
    });
    assert_eq!(again.collect::<Vec<_>>(), items);
    true
}

pub(super) fn client_request(data: &[u8]) -> bool {
    let Some((which, data)) = data.split_first() else {
        return false;
    };
    match which % 11 {
        0 => same::<v1::CreateRequest, Create>(data),
        1 => same::<v1::GetRequest, PromiseId>(data),
        2 => same::<v1::WatchRequest, Watch>(data),
        3 => same::<v1::SettleRequest, Settle>(data),
        4 => same::<v1::CancelRequest, Cancel>(data),
        5 => same::<v1::HaltRequest, Halt>(data),
        6 => same::<v1::SearchRequest, Search>(data),
        7 => same::<v1::TreeRequest, TreeSearch>(data),
        9 => same::<v1::ScheduleRequest, NewSchedule>(data),
        10 => same::<v1::ChangeScheduleRequest, ChangeSchedule>(data),
        _ => same::<v1::ContinueRequest, Continue>(data),
    }
}

pub(super) fn client_reply(data: &[u8]) -> bool {
    let Some((which, data)) = data.split_first() else {
        return false;
    };
    match which % 6 {
        0 => same::<v1::PromiseReply, PromiseReply>(data),
        1 => same::<v1::SearchReply, Page>(data),
        2 => same::<v1::Refusal, Refusal>(data),
        3 => same::<v1::InfoReply, Info>(data),
        4 => {
            let read = v1::WorkersReply::decode(data).map(Vec::<WorkerInfo>::try_from);
            if let Ok(Ok(workers)) = read {
                let again = Vec::<WorkerInfo>::try_from(v1::WorkersReply::from(&*workers));
                assert_eq!(again.as_ref(), Ok(&workers));
                return true;
            }
            false
        }
        _ => {
            let read = v1::FunctionsReply::decode(data).map(Vec::<ServedFunction>::try_from);
            if let Ok(Ok(functions)) = read {
                let again = Vec::<ServedFunction>::try_from(v1::FunctionsReply::from(&*functions));
                assert_eq!(again.as_ref(), Ok(&functions));
                return true;
            }
            false
        }
    }
}

/// Over the wire and back.
fn sent<W: Message + Default>(message: &W) -> W {
    W::decode(&*message.encode_to_vec()).expect("what prost wrote it can read")
}

fn same<W, T>(data: &[u8]) -> bool
where
    W: Message + Default + for<'a> From<&'a T>,
    T: TryFrom<W, Error = BadMessage> + Debug + PartialEq,
{
    let Ok(Ok(value)) = W::decode(data).map(T::try_from) else {
        return false;
    };
    let again = T::try_from(sent(&W::from(&value)));
    assert_eq!(again.as_ref(), Ok(&value));
    true
}
