use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use wac_events::{AnyEvent, KeyStore, StoreError, SubjectEvent, SubjectId};

use super::{ProcessError, ProcessManager, Work};

/// Makes a person's data unreadable: destroys the key, and sees to it that the store keeps no
/// copy of it in its files.
pub trait Eraser: Send + Sync + 'static {
    /// Destroys it. Doing it twice is the same as once.
    fn destroy<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// An eraser that destroys the key and nothing else.
pub struct KeyEraser(pub Arc<dyn KeyStore>);

impl Eraser for KeyEraser {
    fn destroy<'a>(&'a self, subject: &'a SubjectId) -> BoxFuture<'a, Result<(), StoreError>> {
        self.0.destroy(subject)
    }
}

/// Destroys the key of whoever was erased.
pub struct SubjectEraser {
    eraser: Arc<dyn Eraser>,
}

impl SubjectEraser {
    /// Erases by `eraser`.
    pub fn new(eraser: Arc<dyn Eraser>) -> Self {
        Self { eraser }
    }
}

impl ProcessManager for SubjectEraser {
    fn name(&self) -> &'static str {
        "eraser"
    }

    fn wants(&self) -> &'static [&'static str] {
        &["subject.erased"]
    }

    fn react<'a>(&'a self, work: &'a Work<'a>) -> BoxFuture<'a, Result<(), ProcessError>> {
        async move {
            let AnyEvent::Subject(SubjectEvent::Erased(erased)) = &work.cause().event else { return Ok(()) };
            self.eraser.destroy(&erased.subject).await?;
            work.forget(&erased.subject);
            Ok(())
        }
        .boxed()
    }
}
