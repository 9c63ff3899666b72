import { mounted } from "./mount.jsx";

export default mounted("phone", () => ({ view: <main />, dispose() {} }));
