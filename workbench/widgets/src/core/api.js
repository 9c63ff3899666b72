// Every request of the page to the gateway it came from. Errors say what the gateway said.
const PATIENCE_MS = 8000;

export class Refused extends Error {
  constructor(status, type, message, body) {
    super(message);
    this.status = status;
    this.type = type;
    this.body = body;
  }
}

/** Signed out: whoever shows the page must say so. */
export const signedOut = (error) => error instanceof Refused && error.status === 401;

export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-RTCC": "1" },
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (error) {
    throw new Refused(0, "Unreachable", "No answer from the gateway. Nothing was changed; try again.", null);
  }
  if (answer.type === "opaqueredirect") throw new Refused(401, "SignedOut", "You are signed out.", null);
  const told = await answer.json().catch(() => null);
  if (answer.ok) return told;
  const message = told?.message ?? told?.detail?.toString() ?? `The gateway answered ${answer.status}.`;
  throw new Refused(answer.status, told?.error ?? "Refused", message, told);
}

const q = encodeURIComponent;

export const api = {
  me: () => ask("GET", "/v1/me"),
  saveSettings: (settings) => ask("PUT", "/v1/me/settings", settings),
  alert: (id) => ask("GET", `/v1/alerts/${q(id)}`),
  step: (id, step) => ask("POST", `/v1/alerts/${q(id)}/steps`, step),
  raise: (report) => ask("POST", "/v1/alerts/by-hand", report),
  near: (lon, lat, count) => ask("GET", `/v1/cameras/near?lon=${lon}&lat=${lat}&count=${count}`),
  handover: (since) => ask("GET", `/v1/handover?since=${q(since)}`),
  writeHandover: (note) => ask("POST", "/v1/handover", note),
  supervisor: () => ask("GET", "/v1/supervisor"),
};

export const stillUrl = (cameraId, width, at) =>
  `/v1/cameras/${q(cameraId)}/still.jpg?width=${width}${at ? `&at=${q(at)}` : ""}`;

export const pictureUrl = (alert, width) =>
  alert.picture && `${alert.picture}${alert.picture.includes("?") ? "&" : "?"}width=${width}`;

export const playlistUrl = (cameraId, since, until) => {
  const span = since ? `?since=${q(since)}${until ? `&until=${q(until)}` : ""}` : "";
  return `/v1/cameras/${q(cameraId)}/hls.m3u8${span}`;
};

export function socketUrl(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
