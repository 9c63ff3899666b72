import { mounted } from "./mount.jsx";

export default mounted("supervisor", () => ({ view: <main />, dispose() {} }));
