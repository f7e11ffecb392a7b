//! Workspaces between runs: a training loop allocates its tape once.

use std::sync::{Mutex, PoisonError};

use gatewright::workspace::Workspace;

/// Workspaces that no run is using.
#[derive(Debug)]
pub(crate) struct WorkspacePool<T> {
    idle: Mutex<Vec<Workspace<T>>>,
}

impl<T> Default for WorkspacePool<T> {
    fn default() -> Self {
        Self { idle: Mutex::new(Vec::new()) }
    }
}

impl<T: Default> WorkspacePool<T> {
    pub(crate) fn take(&self) -> Workspace<T> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&self, workspace: Workspace<T>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}
