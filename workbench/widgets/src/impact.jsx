// The page of the impact lab: which studies there are, and what one of them found.
import { effect } from "@preact/signals";
import { Shelf } from "./impact/shelf.js";
import { StudyList } from "./impact/list.jsx";
import { Study } from "./impact/study.jsx";
import { Top } from "./impact/top.jsx";
import { mounted } from "./mount.jsx";
import { Notice } from "./parts/header.jsx";

function Impact({ shelf }) {
  const studies = shelf.studies.value;
  const open = shelf.open.value;
  return (
    <div class="impact">
      <Top shelf={shelf} />
      {studies === null ? (
        <Nothing shelf={shelf} />
      ) : studies.length + shelf.unreadable.value.length === 0 ? (
        <Empty />
      ) : (
        <div class="desk">
          <StudyList shelf={shelf} />
          <div class="pane open-study">
            {shelf.outdated.value && (
              <p class="said conflict" role="status" data-testid="published-anew">
                This study has been published anew.{" "}
                <button type="button" onClick={() => shelf.renew()}>
                  Show what was found now
                </button>
              </p>
            )}
            {shelf.openWhy.value && (
              <p class="said refused" role="alert" data-testid="study-refused">
                {shelf.openWhy.value}{" "}
                <button type="button" onClick={() => shelf.read()}>
                  Try again
                </button>
              </p>
            )}
            {open ? <Study shelf={shelf} /> : !shelf.openWhy.value && <p class="empty">Opening …</p>}
          </div>
        </div>
      )}
      <Notice store={shelf} />
      <p class="unseen" role="status" aria-live="polite" data-testid="announcer">
        {open ? `Shown: ${open.findings.title}` : ""}
      </p>
    </div>
  );
}

/** Nothing is known yet: it is being asked, or was refused. */
function Nothing({ shelf }) {
  if (!shelf.why.value) return <main class="empty-page">Opening …</main>;
  return (
    <main class="empty-page" data-testid="no-list">
      <h2>{shelf.forbidden.value ? "Not for this account" : "The studies cannot be shown now"}</h2>
      <p>{shelf.why.value}</p>
      {shelf.forbidden.value ? (
        <a href="/">To your own page</a>
      ) : (
        <button type="button" onClick={() => shelf.list()}>
          Try again
        </button>
      )}
    </main>
  );
}

function Empty() {
  return (
    <main class="empty-page" data-testid="no-studies">
      <h2>No study has been published here yet</h2>
      <p>
        An analyst lays down the question in a <code>STUDY.toml</code>: what is claimed, what is counted, where and
        when. The lab says what the study could see before it says what it found.
      </p>
      <pre tabIndex={0}>rtcc impact run STUDY.toml -o report/ --publish</pre>
      <p class="hint">
        It stands here as soon as that command has ended. How a study is written: <code>docs/impact.md</code>.
      </p>
    </main>
  );
}

/** J and K move from study to study, unless somebody writes. */
function listen(shelf) {
  const hear = (event) => {
    const writing = event.target.closest?.("input, textarea, select");
    if (!shelf.keys.value || writing || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { j: 1, k: -1 }[event.key];
    if (by) shelf.move(by);
  };
  document.addEventListener("keydown", hear);
  return () => document.removeEventListener("keydown", hear);
}

const wanted = (model) =>
  model.get("study") ||
  new URLSearchParams(location.search).get("study") ||
  /\/impact\/([^/]+)$/.exec(location.pathname)?.[1] ||
  "";

export default mounted("impact", (model, root) => {
  const shelf = new Shelf(wanted(model));
  const stops = [
    listen(shelf),
    effect(() => {
      const { palette, reduced_motion: still } = shelf.settings.value;
      root.dataset.palette = palette;
      root.classList.toggle("still", still);
    }),
    effect(() => {
      document.title = `${shelf.listed.value?.title ?? "Studies"} · Impact lab`;
    }),
  ];
  return {
    view: <Impact shelf={shelf} />,
    dispose() {
      stops.forEach((stop) => stop());
      shelf.stop();
    },
  };
});
