//! Applies projections to SQL databases, rebuilds and reads them.
