//! Messages and alerts that are sent, through an interceptor.

use super::{About, Intercepted, Interceptor};
use crate::domain::finding::Alert;
use crate::domain::signal::Task;
use crate::ports::{Fault, Notifier, Queue, World};

impl<W: World, I: Interceptor<W>> Notifier for Intercepted<W, I> {
    async fn publish(&self, alert: &Alert) -> Result<(), Fault> {
        self.meet("publish", About::alert(alert), self.world.notifier().publish(alert)).await
    }
}

impl<W: World, I: Interceptor<W>> Queue for Intercepted<W, I> {
    async fn send(&self, tasks: &[(Task, u32)]) -> Result<(), Fault> {
        let requeues = tasks.iter().filter_map(|(task, delay)| match task {
            Task::Work(work) => Some((work.requeues, *delay)),
            Task::SweepStep(_) | Task::SweepAccount { .. } => None,
        });
        self.meet("send", About::Messages(requeues.collect()), self.world.queue().send(tasks)).await
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.meet("dead_letter", About::Other, self.world.queue().dead_letter(body, reason)).await
    }

    async fn resend(&self, body: &str, received: u32, delay_s: u32) -> Result<(), Fault> {
        let messages = About::Messages(vec![(received, delay_s)]);
        self.meet("resend", messages, self.world.queue().resend(body, received, delay_s)).await
    }

    async fn make_visible_after(&self, receipt: &str, delay_s: u32) -> Result<(), Fault> {
        self.meet("make_visible_after", About::Other, self.world.queue().make_visible_after(receipt, delay_s)).await
    }
}
