import { mounted } from "./mount.jsx";

export default mounted("operations", () => ({ view: <main />, dispose() {} }));
