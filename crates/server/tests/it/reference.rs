//! The page of endpoints in `docs` is what the table says.

use std::path::Path;

use cairn_server::xrpc::{reference, table::TABLE};

/// `CAIRN_WRITE_DOCS=1 cargo test -p cairn-server the_page_of_endpoints` writes the page anew.
#[test]
fn the_page_of_endpoints_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/endpoints.md");
    let page = reference::markdown(&TABLE);
    if std::env::var_os("CAIRN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "write docs/endpoints.md anew with CAIRN_WRITE_DOCS=1");
}
