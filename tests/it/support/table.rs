//! The ledger's table as `infra/hub.yaml` makes it.

use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};

pub(crate) const INDEX: &str = "attention";
pub(crate) const INDEX_KEYS: [&str; 2] = ["attention", "updated"];
pub(crate) const INDEX_SHOWS: [&str; 11] = [
    "account",
    "region",
    "status",
    "why",
    "policy",
    "vended",
    "reached",
    "configured",
    "member_role",
    "newest_call",
    "checked",
];

/// Adds keys and index to a request that names the table.
pub(crate) fn ledger(mut request: CreateTableFluentBuilder) -> CreateTableFluentBuilder {
    for name in ["PK", "SK", "attention", "updated"] {
        let string = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(string.build().expect("an attribute has a name"));
    }
    let projection = Projection::builder()
        .projection_type(ProjectionType::Include)
        .set_non_key_attributes(Some(INDEX_SHOWS.map(str::to_owned).into()))
        .build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(INDEX)
        .set_key_schema(Some(keys(INDEX_KEYS)))
        .projection(projection)
        .build();
    request
        .set_key_schema(Some(keys(["PK", "SK"])))
        .global_secondary_indexes(index.expect("an index has a name and keys"))
        .billing_mode(BillingMode::PayPerRequest)
}

fn keys(names: [&str; 2]) -> Vec<KeySchemaElement> {
    let key = |(name, kind): (&str, KeyType)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let kinds = [KeyType::Hash, KeyType::Range];
    names.into_iter().zip(kinds).map(|it| key(it).expect("a key has a name")).collect()
}
