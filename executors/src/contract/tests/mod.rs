//! What every executor is held to, as functions that anybody who writes one can run: see [`suite`].
//!
//! An executor brings a [`Subject`], which makes fresh [`World`]s, and says which effects are performed
//! there, which of them the world refuses, and which do not end by themselves. Findings of the suite are
//! returned as sentences and not as a panic, so that it can be held against executors that are known to be
//! wrong.

mod ends;
mod honest;
mod judge;
mod repeated;
mod subject;

pub use ends::ends;
pub use honest::{honest, own_role, secrets};
pub use judge::{answers, equivalent, good};
pub use repeated::{crashes, repeats};
pub use subject::{Case, Step, Subject, World, default_deployment, default_scope};

/// Everything at once; what is wrong with the executor, in sentences, or nothing.
///
/// The executor performs only effects of its role and refuses the rest ([`own_role`]); an effect answers its
/// request, and when it is performed again leaves the world as it is and has an equivalent outcome
/// ([`repeats`]); a crash between any two effects ends in the same world ([`crashes`]); an effect ends by its
/// deadline, and soon after it is cancelled ([`ends`]); a refusal of the world is not a success ([`honest`]);
/// no secret is in what the dispatcher would record ([`secrets`]).
pub async fn suite(subject: &dyn Subject) -> Vec<String> {
    let mut found = own_role(subject).await;
    found.extend(repeats(subject).await);
    found.extend(crashes(subject).await);
    found.extend(ends(subject).await);
    found.extend(honest(subject).await);
    found.extend(secrets(subject).await);
    found
}
