//! Decides whether a store may follow a log: only if it holds what all entries before its next one have made.

use super::error::LogError;
use super::jetstream::{Extent, Identity, JetStreamLog};
use crate::clock;
use crate::store::{Membership, Store};

/// What a node is when it starts.
pub(super) struct Candidate<'a> {
    pub(super) store: &'a Store,
    pub(super) membership: Option<Membership>,
    pub(super) is_empty: bool,
    pub(super) key_check: String,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// Go on after this entry.
    Follow(u64),
    /// Begin to follow this log.
    Join(String),
    /// Do nothing, and report this to the operator.
    Refuse(String),
}

/// Finds or creates the stream, and returns the number of the entry after which the store goes on.
pub(super) async fn establish(log: &JetStreamLog, candidate: &mut Candidate<'_>) -> Result<u64, LogError> {
    match log.look().await {
        Ok((identity, extent)) => follow(log, candidate, &identity, extent).await,
        Err(LogError::NoStream) => {
            create(log, candidate).await?;
            let (identity, extent) = log.look().await?;
            follow(log, candidate, &identity, extent).await
        }
        Err(error) => Err(error),
    }
}

async fn follow(log: &JetStreamLog, candidate: &mut Candidate<'_>, identity: &Identity, extent: Extent) -> Result<u64, LogError> {
    let Candidate { store, membership, is_empty, key_check } = candidate;
    if identity.key_check != *key_check {
        return Err(LogError::Refused("TILLROLL_GROUP_KEY is not the key of this group; set the same on all nodes".into()));
    }
    match decide(membership.as_ref(), *is_empty, identity, extent) {
        Decision::Refuse(reason) => Err(LogError::Refused(reason)),
        Decision::Follow(after) => log.update_retention().await.map(|()| after),
        Decision::Join(group) => {
            let joined = Membership { group, applied: 0 };
            store.join_log(joined.clone()).await.map_err(LogError::unavailable)?;
            *membership = Some(joined);
            Ok(0)
        }
    }
}

fn decide(membership: Option<&Membership>, is_empty: bool, identity: &Identity, extent: Extent) -> Decision {
    let expired = |after: u64| extent.first > after + 1;
    match membership {
        Some(own) if own.group == identity.group && expired(own.applied) => {
            Decision::Refuse(LogError::expired(own.applied, extent.first).to_string())
        }
        Some(own) if own.group == identity.group && own.applied > extent.last => {
            Decision::Refuse(LogError::shorter(own.applied, extent.last).to_string())
        }
        Some(own) if own.group == identity.group => Decision::Follow(own.applied),
        None | Some(Membership { applied: 0, .. }) if is_empty && identity.is_complete && !expired(0) => {
            Decision::Join(identity.group.clone())
        }
        None | Some(Membership { applied: 0, .. }) if is_empty => Decision::Refuse(
            "the log does not hold everything that the other nodes store. Fetch the store of a running node with `tillroll join`".into(),
        ),
        None => Decision::Refuse(
            "the data folder holds data that the log does not have. Choose an empty data folder, and fetch the store of a running node with \
             `tillroll join`"
                .into(),
        ),
        Some(_) => Decision::Refuse(
            "the data folder belongs to another log. Choose the --log-stream of its group, or fetch the store of a running node into an empty \
             data folder with `tillroll join`"
                .into(),
        ),
    }
}

/// Creates the stream. The store follows it before it exists, so a crash in between leaves nothing that another start cannot complete.
async fn create(log: &JetStreamLog, candidate: &mut Candidate<'_>) -> Result<(), LogError> {
    let Candidate { store, membership, is_empty, key_check } = candidate;
    let group = match membership {
        Some(own) if own.applied > 0 => {
            return Err(LogError::Refused(format!(
                "the stream {} does not exist, and this node has applied {} entries of it. If it is lost: the part about a lost stream in \
                 docs/scale-out.md describes what to do",
                log.stream_name(),
                own.applied
            )));
        }
        Some(own) => own.group.clone(),
        None => {
            let group = clock::random_hex::<12>().map_err(LogError::unavailable)?;
            let joined = Membership { group: group.clone(), applied: 0 };
            store.join_log(joined.clone()).await.map_err(LogError::unavailable)?;
            *membership = Some(joined);
            group
        }
    };
    match log.create(&Identity { group, is_complete: *is_empty, key_check: key_check.clone() }).await {
        Err(LogError::StreamExists) => Ok(()),
        created => created,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_follows_a_log_only_if_it_misses_nothing() {
        let identity = |is_complete| Identity { group: "g".into(), is_complete, key_check: String::new() };
        let own = |group: &str, applied| Some(Membership { group: group.into(), applied });
        let follows = |membership: Option<Membership>, is_empty, is_complete, first, last| match decide(
            membership.as_ref(),
            is_empty,
            &identity(is_complete),
            Extent { first, last },
        ) {
            Decision::Follow(after) => format!("after {after}"),
            Decision::Join(group) => format!("join {group}"),
            Decision::Refuse(_) => "refused".into(),
        };
        for (membership, is_empty, is_complete, first, last, expected) in [
            (None, true, true, 1, 0, "join g"),
            (None, true, true, 1, 9, "join g"),
            (None, true, true, 2, 9, "refused"),
            (None, true, false, 1, 9, "refused"),
            (None, false, true, 1, 9, "refused"),
            (own("g", 0), false, false, 1, 0, "after 0"),
            (own("g", 5), false, true, 6, 9, "after 5"),
            (own("g", 5), false, true, 7, 9, "refused"),
            (own("g", 9), false, true, 10, 9, "after 9"),
            (own("g", 10), false, true, 1, 9, "refused"),
            (own("h", 0), true, true, 1, 9, "join g"),
            (own("h", 0), false, true, 1, 9, "refused"),
            (own("h", 5), false, true, 1, 9, "refused"),
        ] {
            let found = follows(membership.clone(), is_empty, is_complete, first, last);
            assert_eq!(found, expected, "{membership:?} {is_empty} {is_complete} {first} {last}");
        }
    }
}
