//! Filters as SQL that both databases read.

use wac_events::{EventFilter, ReadRequest};

/// A filtered read of at most this many positions scans them; a longer one goes through an index.
pub(crate) const SCAN_POSITIONS_MAX: u64 = 4_096;

/// A bound value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arg {
    Int(i64),
    Text(String),
}

/// A query for rows of `events` and its values, numbered `$1`, `$2` ….
#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) sql: String,
    pub(crate) args: Vec<Arg>,
}

/// Positions are bigints in both databases.
pub(crate) fn int(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// Whether `filter` lets everything through.
pub(crate) fn is_open(filter: &EventFilter) -> bool {
    filter.stream.is_none() && filter.types.is_empty() && filter.domain.is_none()
}

/// The `aggregate.` of a wire name that stands for all of an aggregate's names.
pub(crate) fn aggregate_prefix(wanted: &str) -> Option<&str> {
    wanted.strip_suffix('*').filter(|prefix| prefix.ends_with('.'))
}

/// Every distinct wire name in the log that begins with `$1` (and is less than `$2`), found by as
/// many steps through the index as there are names.
pub(crate) const TYPES_WITH_PREFIX: &str = "\
    with recursive names(name) as (
        select min(type) from events where type >= $1 and type < $2
        union all
        select (select min(type) from events where type > names.name and type < $2) from names where name is not null
    ) select name from names where name is not null";

/// The values of [`TYPES_WITH_PREFIX`]. The prefix ends in `.`, behind which `/` comes next.
pub(crate) fn prefix_range(prefix: &str) -> (String, String) {
    (prefix.to_owned(), format!("{}/", prefix.trim_end_matches('.')))
}

/// How a database is told to look up a short list of positions one by one. PostgreSQL's planner,
/// which does not see that the list is short, would now and then rather read the whole table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dialect {
    Postgres,
    Sqlite,
}

/// Rows `after < position <= bound` that pass the filter, in order of position, `columns` of them.
/// `types`: the filter's names without prefixes, if the read goes through the index of names.
pub(crate) fn select(
    request: &ReadRequest,
    bound: u64,
    columns: &str,
    types: Option<&[String]>,
    dialect: Dialect,
) -> Select {
    let mut args = vec![Arg::Int(int(request.after.0)), Arg::Int(int(bound)), Arg::Int(int(request.limit as u64))];
    let filter = &request.filter;
    let mut conditions = String::from("position > $1 and position <= $2");
    if let Some(stream) = &filter.stream {
        condition(&mut conditions, &mut args, "stream_id = ", stream.as_str());
    }
    if let Some(domain) = &filter.domain {
        condition(&mut conditions, &mut args, "domain = ", domain.as_str());
    }
    let Some(types) = types else {
        type_conditions(&mut conditions, &mut args, &filter.types);
        let order = if filter.stream.is_some() { "version" } else { "position" };
        let sql = format!("select {columns} from events where {conditions} order by {order} limit $3");
        return Select { sql, args };
    };
    let mut parts = Vec::with_capacity(types.len());
    for name in types {
        let mut part = conditions.clone();
        condition(&mut part, &mut args, "type = ", name);
        parts.push(format!("select * from (select position from events where {part} order by position limit $3) t"));
    }
    let positions = parts.join(" union all ");
    let sql = match dialect {
        Dialect::Sqlite => format!(
            "select {columns} from events where position in ({positions} order by 1 limit $3) order by position limit $3"
        ),
        Dialect::Postgres => format!(
            "select e.* from ({positions} order by 1 limit $3) found cross join lateral \
             (select {columns} from events where position = found.position offset 0) e order by found.position"
        ),
    };
    Select { sql, args }
}

fn condition(conditions: &mut String, args: &mut Vec<Arg>, left: &str, right: &str) {
    args.push(Arg::Text(right.to_owned()));
    conditions.push_str(&format!(" and {left}${}", args.len()));
}

fn type_conditions(conditions: &mut String, args: &mut Vec<Arg>, types: &[String]) {
    if types.is_empty() {
        return;
    }
    let mut either = Vec::with_capacity(types.len());
    for wanted in types {
        match aggregate_prefix(wanted) {
            Some(prefix) => {
                let (from, to) = prefix_range(prefix);
                args.extend([Arg::Text(from), Arg::Text(to)]);
                either.push(format!("(type >= ${} and type < ${})", args.len() - 1, args.len()));
            }
            None => {
                args.push(Arg::Text(wanted.clone()));
                either.push(format!("type = ${}", args.len()));
            }
        }
    }
    conditions.push_str(&format!(" and ({})", either.join(" or ")));
}

#[cfg(test)]
mod tests {
    use wac_events::Position;

    use super::*;

    #[test]
    fn values_never_become_part_of_the_text() {
        let filter = EventFilter { types: vec!["x' or 1=1 --".into(), "user.*".into()], ..EventFilter::default() };
        let request = ReadRequest { after: Position(7), before: None, filter, limit: 10 };
        let scan = select(&request, 99, "position", None, Dialect::Sqlite);
        assert_eq!(
            scan.sql,
            "select position from events where position > $1 and position <= $2 \
             and (type = $4 or (type >= $5 and type < $6)) order by position limit $3"
        );
        assert_eq!(scan.args[3..], ["x' or 1=1 --", "user.", "user/"].map(|text| Arg::Text(text.into())));
    }
}
