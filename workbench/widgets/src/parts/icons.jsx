// The few signs the pages use, drawn here.
const PATHS = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  close: "M6 6l12 12M18 6L6 18",
  replay: "M4 12a8 8 0 1 0 2.6-5.9M4 4v4.5h4.5",
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8 5v14M16 5v14",
  step: "M6 6v12l8-6zM18 6v12",
  back: "M18 6v12l-8-6zM6 6v12",
  gear:
    "M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM12 2.8v2.6M12 18.6v2.6M2.8 12h2.6M18.6 12h2.6" +
    "M5.5 5.5l1.8 1.8M16.7 16.7l1.8 1.8M5.5 18.5l1.8-1.8M16.7 7.3l1.8-1.8",
  keys: "M3 6.5h18v11H3zM6.5 10h.01M10 10h.01M13.5 10h.01M17 10h.01M7.5 14h9",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  mute: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  wide: "M3 5h18v14H3zM3 12h18",
  note: "M5 4h14v12l-4 4H5zM8.5 9h7M8.5 13h4",
  siren: "M7 17v-5a5 5 0 0 1 10 0v5M5 20h14v-3H5zM12 2.5v2M4.5 5.5L6 7M19.5 5.5L18 7",
  down: "M7 10l5 5 5-5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  wallput: "M3 5h18v14H3zM12 9v6M9 12h6",
  phone: "M8 3h8v18H8zM11 18h2",
};

export function Icon({ name, filled }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      aria-hidden="true"
      fill={filled ? "currentColor" : "none"}
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
