//! Answers in the order of the question (GraphQL §7.2.2): the engine resolves fields side by side
//! and keeps them in the order in which they are ready.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Request, Response, Value};

/// The document of a request, if it parses.
pub(super) fn document(request: &mut Request) -> Option<ExecutableDocument> {
    request.parsed_query().ok().cloned()
}

/// Puts the fields of an answer into the order in which they were asked for.
pub(super) fn restore(response: &mut Response, document: Option<&ExecutableDocument>, operation: Option<&str>) {
    let Some(document) = document else { return };
    let selected = match &document.operations {
        DocumentOperations::Single(only) => Some(only),
        DocumentOperations::Multiple(several) => several
            .iter()
            .find(|(name, _)| operation.is_none_or(|wanted| name.as_str() == wanted))
            .map(|(_, operation)| operation),
    };
    if let Some(operation) = selected {
        order(&mut response.data, &[&operation.node.selection_set.node], document);
    }
}

fn order(value: &mut Value, sets: &[&SelectionSet], document: &ExecutableDocument) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| order(item, sets, document)),
        Value::Object(fields) => {
            let mut asked: IndexMap<&Name, Vec<&SelectionSet>> = IndexMap::new();
            sets.iter().for_each(|set| collect(set, document, &mut asked));
            let mut ordered = IndexMap::with_capacity(fields.len());
            for (name, sets) in asked {
                if let Some((name, mut value)) = fields.shift_remove_entry(name) {
                    // A scalar that is an object (JSON) was asked for as a whole.
                    if sets.iter().any(|set| !set.items.is_empty()) {
                        order(&mut value, &sets, document);
                    }
                    ordered.insert(name, value);
                }
            }
            ordered.extend(std::mem::take(fields));
            *fields = ordered;
        }
        _ => {}
    }
}

/// The names under which fields are answered, each with what is asked of it, through fragments too.
/// The document has been executed, so its fragments do not contain themselves.
fn collect<'a>(
    set: &'a SelectionSet,
    document: &'a ExecutableDocument,
    asked: &mut IndexMap<&'a Name, Vec<&'a SelectionSet>>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let field = &field.node;
                let name = field.alias.as_ref().map_or(&field.name.node, |alias| &alias.node);
                asked.entry(name).or_default().push(&field.selection_set.node);
            }
            Selection::InlineFragment(fragment) => collect(&fragment.node.selection_set.node, document, asked),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(&fragment.node.selection_set.node, document, asked);
                }
            }
        }
    }
}
