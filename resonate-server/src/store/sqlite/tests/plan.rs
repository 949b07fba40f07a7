//! Lists are cheap: no statement sorts, and none walks a whole table.

use super::{
    super::{read, rows, trim, write},
    Folder,
};

#[test]
fn every_statement_follows_an_index() {
    let folder = Folder::new();
    let store = folder.store();
    for sql in [read::PLANS, write::PLANS, rows::PLANS, trim::PLANS].concat() {
        let mut statement = store
            .db
            .connection()
            .prepare(&format!("explain query plan {sql}"))
            .unwrap();
        let nothing = vec![rusqlite::types::Value::Null; statement.parameter_count()];
        let steps: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(nothing), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(
            steps.iter().any(|step| step.starts_with("SEARCH")),
            "{sql}\n{steps:?}"
        );
        for step in &steps {
            assert!(
                !step.starts_with("SCAN") && !step.contains("TEMP B-TREE"),
                "{sql}\n{steps:?}"
            );
        }
    }
}

#[test]
fn a_page_goes_on_at_its_cursor_and_not_before() {
    let folder = Folder::new();
    let store = folder.store();
    for (sql, wanted) in [
        (
            read::DUE,
            "promise_due ((due_at,root_no,part,child_no)>(?,?,?,?) AND due_at<?)",
        ),
        (
            read::OLDEST,
            "promise_created ((created_at,root_no,part,child_no)>(?,?,?,?))",
        ),
        (
            read::NEWEST,
            "promise_created ((created_at,root_no,part,child_no)<(?,?,?,?))",
        ),
        (
            read::ROWS,
            "sqlite_autoindex_promise_1 ((root_no,part,child_no)>(?,?,?))",
        ),
    ] {
        let mut statement = store
            .db
            .connection()
            .prepare(&format!("explain query plan {sql}"))
            .unwrap();
        let nothing = vec![rusqlite::types::Value::Null; statement.parameter_count()];
        let step: String = statement
            .query_row(rusqlite::params_from_iter(nothing), |row| row.get(3))
            .unwrap();
        assert!(step.contains(wanted), "{step}");
    }
}
