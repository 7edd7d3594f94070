//! REST, OAuth2 and GraphQL interfaces.
