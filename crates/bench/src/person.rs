//! A person drives the client: the bench waits for what the product's own mailbox does.

use std::sync::Arc;
use std::time::Duration;

use faults::{Guard, Plan};
use kernel::Timestamp;
use rules::{Connection, Outcome, Transcript};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use wire::{AuthOutcome, Direction, Event, Fact};

use crate::Shared;
use crate::error::Error;
use crate::judge::{Context, is_let_in, is_of_mailbox, judge, own};
use crate::props::Props;
use crate::scenario::{Arm, Expectation, Scenario};
use crate::window::{MOST_EVENTS, Order, PAGE, begins_a_mail, context, tells_whose};

/// Waits until the mailbox's own traffic can be judged, the timer runs out, or the run is cancelled.
pub(crate) async fn wait(
    bench: &Arc<Shared>,
    order: &Order,
    head: i64,
    props: &Props,
    opened: Timestamp,
) -> Result<(), Error> {
    let journal = &bench.parts.journal;
    let mut live = journal.subscribe();
    let poke = bench.wait_until(order.number, opened + order.timer);
    let refused_first = order.scenario.step.iter().any(|step| step.arm == Some(Arm::RefuseFirstToken));
    let _armed = refused_first.then(|| bench.parts.operator.refuse_first_token(order.mailbox()));
    let mut trap = Trap::of(bench, order);
    let mut events: Vec<Event> = Vec::new();
    let mut after = head;
    // What came before this subscription wakes nobody: it is looked at once.
    let mut look = true;
    loop {
        let Some(left) = bench.time_left(order.number) else { return Ok(()) };
        let left = trap.as_ref().map_or(left, |trap| left.min(trap.quiet));
        if !std::mem::take(&mut look) {
            let wake = tokio::select! {
                wake = timeout(left, live.recv()) => wake,
                () = poke.notified() => continue,
            };
            match wake {
                // Looked at once more above: somebody may have prolonged the window.
                Err(_) if trap.is_none() => continue,
                Err(_) => {}
                Ok(Err(RecvError::Closed)) => return Ok(()),
                Ok(Ok(event)) if trap.is_none() && !matters(&event.fact) => continue,
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
            }
        }
        loop {
            let page = journal.events(&journal::Query { after, limit: PAGE, ..Default::default() }).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            let whole = trap.is_some();
            events.extend(page.into_iter().filter(|event| whole || tells_whose(event, None)));
        }
        let context = context(order, props, opened, bench.parts.clock.now(), Vec::new());
        let mailbox = Transcript::new(&events).filter(|connection| is_of_mailbox(&context, connection));
        let done = steps_done(&order.scenario, &mailbox);
        let steps = order.scenario.steps_for(false).count();
        bench.progress(order.number, done);
        if let Some(trap) = &mut trap {
            if done > 0 {
                trap.arm(bench, order);
            }
            if trap.is_over(order, &context, &events, bench.parts.clock.now()) {
                return Ok(());
            }
            if events.len() > MOST_EVENTS {
                return Ok(());
            }
            continue;
        }
        // Only this mailbox's own attempts: what nobody can be told from ends nobody's window.
        let gave_up = order.scenario.expects_mail()
            && !mailbox.connections().is_empty()
            && own(&order.scenario, &context, &events).connections().iter().any(sending_failed);
        if done >= steps || gave_up {
            tokio::time::sleep(bench.parts.timing.settle).await;
            return Ok(());
        }
        if events.len() > MOST_EVENTS {
            // A client that says this much in one window: what came first decides.
            return Ok(());
        }
    }
}

/// The faults of the job, armed on the fixed ports once the control was seen: the first login, or the first message, of
/// the mailbox meets a healthy server.
struct Trap {
    plan: Plan,
    armed: Option<Guard>,
    /// After which silence nothing more is waited for.
    quiet: Duration,
}

impl Trap {
    fn of(bench: &Shared, order: &Order) -> Option<Self> {
        let timing = order.timing(bench);
        let script = order.scenario.steps_for(false).find_map(|step| step.script(timing.slow_answer))?;
        let plan = Plan::new(script, order.seed ^ order.number.cast_unsigned());
        let quiet = if timing.accelerated { Duration::from_secs(1) } else { Duration::from_secs(5) };
        Some(Self { plan, armed: None, quiet })
    }

    /// Arms, where it is not yet; another run whose faults are in the way is waited for.
    fn arm(&mut self, bench: &Shared, order: &Order) {
        if self.armed.is_none() {
            match bench.parts.operator.faults().arm(order.mailbox(), self.plan.clone()) {
                Ok(guard) => self.armed = Some(guard),
                Err(busy) => tracing::info!(run = order.number, %busy, "the faults of a run wait"),
            }
        }
    }

    /// Whether nothing more is to be waited for: every fault happened, and what must be seen was seen, or, where only a
    /// bad deed could be, nothing was done for a while.
    fn is_over(&self, order: &Order, context: &Context, events: &[Event], now: Timestamp) -> bool {
        if self.armed.is_none() || self.plan.report().iter().any(|fault| fault.happened == 0) {
            return false;
        }
        let silent = events.last().is_none_or(|last| {
            now.duration_since(last.at).as_millis()
                >= i128::try_from(self.quiet.as_millis()).unwrap_or_default()
        });
        let checks = judge(&order.scenario, context, events, &[]).checks;
        order.scenario.expect.iter().zip(&checks).all(|(expectation, check)| match expectation {
            Expectation::Faulted { must, .. } if must.is_prohibition() => {
                silent || check.outcome == Outcome::Failed
            }
            Expectation::Faulted { .. } => check.outcome == Outcome::Passed,
            _ => true,
        })
    }
}

fn matters(fact: &Fact) -> bool {
    matches!(fact, Fact::Auth { .. } | Fact::Mail { .. } | Fact::Closed { .. } | Fact::TlsEstablished { .. })
}

/// How many steps of the job this mailbox's traffic shows, whatever their outcome.
pub(crate) fn steps_done(scenario: &Scenario, mailbox: &Transcript<'_>) -> usize {
    let mails = mailbox.connections().iter().map(|connection| connection.mails().count()).sum::<usize>();
    let logins = scenario.steps_for(false).filter(|step| !step.mails()).filter(|step| {
        step.protocols.iter().all(|protocol| {
            let tries: Vec<&Connection<'_>> =
                mailbox.of(*protocol).filter(|connection| connection.logins().next().is_some()).collect();
            match step.arm {
                Some(Arm::RefuseFirstToken) => {
                    let refused = tries.iter().position(|connection| refusals(connection) > 0);
                    refused.is_some_and(|at| {
                        tries[at..].iter().any(|connection| is_let_in(connection))
                            || tries[at..].iter().map(|connection| refusals(connection)).sum::<usize>() > 1
                    })
                }
                _ => !tries.is_empty(),
            }
        })
    });
    logins.count() + mails.min(scenario.mail_steps().count())
}

fn refusals(connection: &Connection<'_>) -> usize {
    connection.logins().filter(|(_, auth)| matches!(auth.outcome, AuthOutcome::Refused { .. })).count()
}

/// A connection that ended after it had tried to send, and did not: waiting longer would show nothing more.
fn sending_failed(connection: &Connection<'_>) -> bool {
    let tried = |event: &Event| match &event.fact {
        Fact::Line { direction: Direction::Client, text } => begins_a_mail(text),
        _ => false,
    };
    let closed = connection.events.iter().any(|event| matches!(event.fact, Fact::Closed { .. }));
    closed && connection.mails().next().is_none() && connection.events.iter().any(|event| tried(event))
}

/// Longest that a window can be prolonged to, from now.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 3600);
