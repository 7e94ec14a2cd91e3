//! Tasks that ended.

use tokio::task::JoinError;

/// The result of a task. Its panic is raised in the waiting caller. A task that is cancelled because the
/// runtime shuts down never returns, and neither does this: the caller is about to end, too.
///
/// # Panics
/// If the task did.
pub async fn ended<T>(task: Result<T, JoinError>) -> T {
    match task.map_err(JoinError::try_into_panic) {
        Ok(answer) => answer,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_cancelled)) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_task_that_is_cancelled_panics_nobody() {
        let task = tokio::spawn(std::future::pending::<()>());
        task.abort();
        let waited = tokio::time::timeout(Duration::from_millis(50), ended(task.await)).await;
        assert!(waited.is_err(), "nothing is answered");
        assert_eq!(ended(tokio::spawn(async { 7 }).await).await, 7);
    }

    #[tokio::test]
    #[should_panic(expected = "its own words")]
    async fn the_panic_of_a_task_goes_on() {
        ended(tokio::spawn(async { panic!("its own words") }).await).await;
    }
}
