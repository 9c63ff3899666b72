// Whichever dialog is in front.
import { Handover } from "./handover.jsx";
import { Help } from "./help.jsx";
import { IncidentDialog } from "./incident.jsx";
import { Raise } from "./raise.jsx";
import { Assign, Close, Merge, Snooze } from "./steps.jsx";
import { Verify } from "./verify.jsx";

const ABOUT_AN_ALERT = {
  close: Close,
  snooze: Snooze,
  assign: Assign,
  merge: Merge,
  verify: Verify,
  incident: IncidentDialog,
};
const ABOUT_THE_DESK = { handover: Handover, help: Help, raise: Raise };

export function Front({ desk }) {
  const dialog = desk.dialog.value;
  if (!dialog) return null;
  const General = ABOUT_THE_DESK[dialog.kind];
  if (General) return <General desk={desk} {...dialog} />;
  const Asking = ABOUT_AN_ALERT[dialog.kind];
  const alert = desk.store.alerts.value.get(dialog.alertId);
  return Asking && alert ? <Asking key={dialog.kind} desk={desk} alert={alert} /> : null;
}
