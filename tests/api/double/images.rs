//! Cloudflare Images' double: its images are texts that say what was made of what.

use std::cell::RefCell;

use async_trait::async_trait;
use edgeward::ports::{Body, ImageError, Images, Picture, PortError};

use super::Fault;

/// Notes what it was asked to make.
#[derive(Default)]
pub struct NotedImages {
    /// What was asked for, in order.
    pub made: RefCell<Vec<Picture>>,
    /// Fails as a service that is down.
    pub fault: Fault,
    /// Finds the source broken.
    pub broken_source: Fault,
}

#[async_trait(?Send)]
impl Images for NotedImages {
    async fn transform(&self, source: Body, to: &Picture) -> Result<Body, ImageError> {
        let source = source.read(u64::MAX).await.unwrap();
        if self.fault.strikes() {
            return Err(ImageError::Failed(PortError("Images failed on purpose".into())));
        }
        if self.broken_source.strikes() {
            return Err(ImageError::Source("broken on purpose".into()));
        }
        self.made.borrow_mut().push(to.clone());
        let size = to.size.as_ref().map(|size| (size.width, size.height));
        Ok(Body::from(format!("{size:?} {} of {} bytes", to.mime_type, source.len())))
    }
}
