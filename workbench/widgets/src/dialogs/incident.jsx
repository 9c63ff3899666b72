// One incident in front of the page, where there is no dock for it.
import { Incident } from "../desk/dock.jsx";
import { Dialog } from "./dialog.jsx";

export const IncidentDialog = ({ desk, alert }) => (
  <Dialog title="Incident" testid="dialog-incident" onClose={() => (desk.dialog.value = null)}>
    <Incident desk={desk} alert={alert} plain />
  </Dialog>
);
