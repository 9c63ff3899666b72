// From a key or a button to a step: some ask a question first.
const ASKING = ["close", "snooze", "verify"];

export function stepBy(desk, alert, kind) {
  if (!desk.steps(alert).includes(kind)) return;
  if (ASKING.includes(kind)) desk.open(kind, { alertId: alert.alert_id });
  else if (kind === "assign") desk.step(alert, "assign", { assignee: desk.store.me.value.actor });
  else desk.step(alert, kind);
}
