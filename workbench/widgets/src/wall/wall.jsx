// The video wall: 4, 9 or 16 cameras live.
import { Segmented } from "../parts/bits.jsx";
import { Icon } from "../parts/icons.jsx";
import { EmptyTile, Tile } from "./tile.jsx";

const VIEWS = [
  ["map", "Map", "view-map"],
  ["split", "Both", "view-split"],
  ["wall", "Wall", "view-wall"],
];

export function Wall({ desk }) {
  const { wall } = desk;
  const size = wall.size.value;
  const replayAll = () =>
    (desk.replay.value = { cameraIds: [...wall.onWall.value], aroundAt: desk.alert.value?.onset_at ?? null });
  return (
    <section class="pane wall" aria-labelledby="wall-head">
      <header>
        <h2 id="wall-head">Video wall</h2>
        <Banner desk={desk} />
        <div class="wall-tools">
          <button
            type="button"
            data-testid="replay"
            title="Replay the last minutes of the whole wall, in step"
            disabled={!wall.onWall.value.size}
            onClick={replayAll}
          >
            <Icon name="replay" /> Replay
          </button>
          <Segmented
            label="What is shown"
            value={desk.view.value}
            options={VIEWS}
            onPick={(view) => desk.show(view)}
          />
          <Segmented
            label="Tiles"
            value={size}
            onPick={(n) => wall.resize(n)}
            options={[
              [4, "4", "wall-size-4", "Wall of 4 (1)"],
              [9, "9", "wall-size-9", "Wall of 9 (2)"],
              [16, "16", "wall-size-16", "Wall of 16 (3)"],
            ]}
          />
        </div>
      </header>
      {desk.view.value !== "map" && (
        <div class={`tiles of-${size}`} data-testid="wall">
          {wall.shown.value.map((slot, at) =>
            slot ? (
              <Tile key={slot.camera_id} desk={desk} slot={slot} at={at} />
            ) : (
              <EmptyTile key={`empty-${at}`} desk={desk} at={at} />
            ),
          )}
        </div>
      )}
    </section>
  );
}

/** Cameras opened by themselves: say which alert did it; once it is closed, offer the wall as it was. */
function Banner({ desk }) {
  const order = desk.banner.value;
  const alert = order && desk.store.alerts.value.get(order.alert_id);
  if (!order) return null;
  const over = !alert || alert.state === "closed";
  const count = order.camera_ids.length;
  const back = () => {
    desk.wall.restore();
    desk.banner.value = null;
  };
  return (
    <div class={`order ${over ? "over" : ""}`} role="status" data-testid="wall-order">
      <Icon name="siren" />
      <b>{alert?.title ?? "Alert"}</b>
      <span>{over ? "closed" : `${count} nearest ${count === 1 ? "camera" : "cameras"} opened`}</span>
      {!over && (
        <button type="button" onClick={() => desk.pick(alert)}>
          Show
        </button>
      )}
      {over && desk.wall.before.value && (
        <button type="button" data-testid="wall-restore" onClick={back}>
          Put the wall back
        </button>
      )}
      <button type="button" class="tool" aria-label="Dismiss" onClick={() => (desk.banner.value = null)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
