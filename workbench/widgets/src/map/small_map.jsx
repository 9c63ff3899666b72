// Where one alert is: a small map that needs no legend.
import { useEffect, useRef } from "preact/hooks";
import { makeCityMap } from "./city_map.js";
import { inkOf } from "./marks.js";

const ZOOM = 15;

export default function SmallMap({ desk, alert, root }) {
  const box = useRef();
  useEffect(() => {
    let made = null;
    let gone = false;
    const { store } = desk;
    const at = [alert.lon_deg, alert.lat_deg];
    const around = [at[0] - 0.01, at[1] - 0.01, at[0] + 0.01, at[1] + 0.01];
    const told = {
      basemap: store.basemap.peek(),
      cameras: { all: around, most: around },
      ink: inkOf(root),
      scale: 1.15,
      still: () => true,
    };
    makeCityMap(box.current, told).then((city) => {
      made = city.map;
      if (gone) return made.remove();
      made.jumpTo({ center: at, zoom: ZOOM });
      const [lon, lat] = at;
      city.signs.set("alerts", [{ id: alert.alert_id, lon, lat, mark: `alert-${alert.priority}-new` }]);
      made.once("idle", () => box.current && (box.current.dataset.ready = "1"));
      made.getCanvas().setAttribute("aria-label", `Map around ${alert.camera_name ?? alert.title}`);
    });
    return () => {
      gone = true;
      made?.remove();
    };
  }, []);
  return <div class="map-box" ref={box} data-testid="map" data-ready="0" />;
}
