//! MEMORY DOCTOR: what about the use of memory is worth a look, and the advice.

use crate::command::{CommandResult, Ctx};
use crate::engine::info::Overhead;
use crate::seams::host::ProcessFacts;

/// Below this much memory, ratios say nothing.
const USED_MIN_BYTES: u64 = 5 << 20;
/// A difference below this is not worth a word.
const DIFFERENCE_MIN_BYTES: u64 = 10 << 20;
/// What an ordinary client may take on average.
const CLIENT_MAX_BYTES: u64 = 200 << 10;
/// What all replicas may take.
const REPLICAS_MAX_BYTES: u64 = 10 << 20;

/// What the doctor looks at. The thresholds are those of Redis.
struct Patient<'a> {
    overhead: &'a Overhead,
    facts: &'a ProcessFacts,
    clients: u64,
    replicas: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Peak,
    Resident,
    Fragmentation,
    AllocatorResident,
    Replicas,
    Clients,
}

impl Finding {
    const ALL: [Self; 6] = [
        Self::Peak,
        Self::Resident,
        Self::Fragmentation,
        Self::AllocatorResident,
        Self::Replicas,
        Self::Clients,
    ];

    fn is_in(self, patient: &Patient<'_>) -> bool {
        let (overhead, facts) = (patient.overhead, patient.facts);
        let (active, resident) = (facts.allocator_active_bytes, facts.rss_bytes);
        match self {
            Self::Peak => overhead.peak.saturating_mul(2) > overhead.used.saturating_mul(3),
            Self::Resident => exceeds(resident, overhead.used, 14),
            Self::Fragmentation => exceeds(active, overhead.used, 11),
            Self::AllocatorResident => exceeds(resident, active, 11),
            Self::Replicas => patient.replicas > 0 && overhead.replicas > REPLICAS_MAX_BYTES,
            Self::Clients => overhead.normal_clients / patient.clients.max(1) > CLIENT_MAX_BYTES,
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Peak => {
                "Peak: more than one and a half times as much memory was once in use as is now. \
                 The process may still hold it, and will use it again before it asks for more. \
                 A restart gives it back."
            }
            Self::Resident => {
                "Resident memory: the process holds more than 1.4 times what the data takes. \
                 A past peak does that, and so do values whose sizes change all the time."
            }
            Self::Fragmentation => {
                "Fragmentation: the allocator holds more than 1.1 times what it has handed out. \
                 A past peak does that, and so do values whose sizes change all the time."
            }
            Self::AllocatorResident => {
                "Allocator: more than 1.1 times of what the allocator holds is resident. \
                 A past peak does that."
            }
            Self::Replicas => {
                "Replicas: more than 10 MB wait for replicas beside the backlog. One of them \
                 reads slowly; INFO replication and CLIENT LIST tell which."
            }
            Self::Clients => {
                "Clients: they take more than 200 KB each on average. Subscribers that read \
                 slowly, long pipelines and large replies do that; CLIENT LIST tells whose."
            }
        }
    }
}

/// More than `tenths` of `less`, and by an amount that matters.
fn exceeds(more: u64, less: u64, tenths: u64) -> bool {
    less > 0
        && u128::from(more) * 10 > u128::from(less) * u128::from(tenths)
        && more.saturating_sub(less) > DIFFERENCE_MIN_BYTES
}

fn report(patient: &Patient<'_>) -> String {
    if patient.overhead.used < USED_MIN_BYTES {
        return "There is too little in memory to say anything about it.\n".to_owned();
    }
    let findings = Finding::ALL.into_iter();
    let findings = findings.filter(|finding| finding.is_in(patient));
    let advice: String = findings
        .map(|finding| format!(" * {}\n\n", finding.advice()))
        .collect();
    if advice.is_empty() {
        return "Nothing about the use of memory needs attention.\n".to_owned();
    }
    format!("This about the use of memory needs attention:\n\n{advice}")
}

pub(super) fn memory_doctor(ctx: &mut Ctx<'_>, _args: &[&[u8]]) -> CommandResult {
    let facts = ctx.host.facts();
    let overhead = Overhead::of(&super::source(ctx, &facts));
    let replicas = ctx.server.replication.replicas.len() as u64;
    // The client that asks is not among the server's meanwhile.
    let all = ctx.server.clients.iter().count() as u64 + 1;
    let patient = Patient {
        overhead: &overhead,
        facts: &facts,
        clients: all.saturating_sub(replicas),
        replicas,
    };
    ctx.reply.verbatim(*b"txt", report(&patient).as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn overhead(used_mb: u64, peak_mb: u64) -> Overhead {
        Overhead {
            used: used_mb * MB,
            peak: peak_mb * MB,
            startup: MB,
            normal_clients: 0,
            replicas: 0,
            backlog: 0,
            dbs: Vec::new(),
        }
    }

    fn findings(overhead: &Overhead, active_mb: u64, rss_mb: u64) -> Vec<Finding> {
        let facts = ProcessFacts {
            allocator_active_bytes: active_mb * MB,
            rss_bytes: rss_mb * MB,
            ..ProcessFacts::default()
        };
        let patient = Patient {
            overhead,
            facts: &facts,
            clients: 10,
            replicas: 1,
        };
        let said = report(&patient);
        let found: Vec<Finding> = Finding::ALL
            .into_iter()
            .filter(|finding| said.contains(finding.advice()))
            .collect();
        assert_eq!(found.is_empty(), !said.contains(" * "), "{said}");
        found
    }

    #[test]
    fn every_finding_has_its_threshold() {
        assert_eq!(findings(&overhead(4, 400), 400, 900), []);
        assert_eq!(findings(&overhead(100, 150), 110, 121), []);
        assert_eq!(findings(&overhead(100, 151), 110, 121), [Finding::Peak]);
        let (fragmented, resident) = (Finding::Fragmentation, Finding::AllocatorResident);
        assert_eq!(findings(&overhead(100, 100), 111, 112), [fragmented]);
        assert_eq!(findings(&overhead(100, 100), 110, 122), [resident]);
        let all = [Finding::Resident, fragmented, resident];
        assert_eq!(findings(&overhead(100, 100), 120, 141), all);
        // Small differences are left alone, whatever their ratio.
        assert_eq!(findings(&overhead(10, 10), 20, 20), []);
    }

    #[test]
    fn clients_and_replicas_are_looked_at_apart() {
        let mut of = overhead(100, 100);
        of.replicas = 10 * MB + 1;
        assert_eq!(findings(&of, 100, 100), [Finding::Replicas]);
        of.replicas = 0;
        of.normal_clients = 10 * (200 * 1024 + 1);
        assert_eq!(findings(&of, 100, 100), [Finding::Clients]);
    }
}
