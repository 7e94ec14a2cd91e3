//! Planted defects: for the simulation, which must find each of them. Nothing of this is compiled
//! without the cargo feature `defects`, which no release has.

/// A mistake that somebody could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// An outcome of an older deployment is taken for that of the running one.
    LateOutcome,
    /// A failed deployment uses up a place, so that a good release is pruned for it.
    FailedEvicts,
    /// A pin or a hold does not keep a release beyond the count.
    ForgetsPins,
    /// An old replica is retired before the new one is well.
    EarlyRetire,
    /// A replica gets requests before it is known to be well.
    RouteUnhealthy,
    /// A replica is stopped while the edge still sends it requests.
    StopRouted,
    /// A domain that another target has is claimed all the same.
    DomainTwice,
}

#[cfg(feature = "defects")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

/// Plants a defect for this thread, or takes it out.
#[cfg(feature = "defects")]
pub fn plant(defect: Option<Defect>) {
    PLANTED.with(|planted| planted.set(defect));
}

/// Whether a defect is planted.
#[cfg(feature = "defects")]
pub(crate) fn planted(defect: Defect) -> bool {
    PLANTED.with(std::cell::Cell::get) == Some(defect)
}

/// Whether a defect is planted: never, in a program that people use.
#[cfg(not(feature = "defects"))]
pub(crate) const fn planted(_defect: Defect) -> bool {
    false
}
