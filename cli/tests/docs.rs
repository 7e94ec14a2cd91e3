//! Documents that are made from the code are what the code says. `make docs` writes them.

#[test]
fn placeholder_until_documents_are_generated() {}
