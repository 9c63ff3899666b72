// The studies there are, each with its verdict.
import { dateOf, named, percent, range, rungLook } from "./words.js";

function Entry({ shelf, study }) {
  const { sign, tone } = rungLook(study.rung);
  const picked = shelf.slug.value === study.slug;
  return (
    <li>
      <button
        type="button"
        class="study-entry"
        data-testid="study-entry"
        data-slug={study.slug}
        aria-current={picked ? "true" : undefined}
        onClick={() => shelf.pick(study.slug)}
      >
        <span class={`rung-sign ${tone}`} aria-hidden="true">
          {sign}
        </span>
        <span class="entry-words">
          <b>{study.title}</b>
          <span class={`entry-rung ${tone}`}>{named(study.rung ?? "no verdict")}</span>
          <small>
            {study.claim.change_ratio !== null && `claimed ${percent(study.claim.change_ratio)} · `}
            {study.range_ratio ? `found ${range(study.range_ratio)}` : "no range stated"}
          </small>
          <small>
            {study.primary_outcome.replaceAll("_", " ")} · {dateOf(study.made_at)}
          </small>
        </span>
      </button>
    </li>
  );
}

export function StudyList({ shelf }) {
  const studies = shelf.studies.value ?? [];
  const broken = shelf.unreadable.value;
  return (
    <nav class="pane study-list" aria-label="Studies" data-testid="study-list">
      <header>
        <h2>Studies</h2>
        <b class="panel-count">{studies.length}</b>
      </header>
      <ul class="scroll" tabIndex={0} aria-label="Published studies">
        {studies.map((study) => (
          <Entry key={study.slug} shelf={shelf} study={study} />
        ))}
        {broken.map((one) => (
          <li key={one.slug} class="unreadable" data-testid="unreadable" title={one.why}>
            <span class="rung-sign bad" aria-hidden="true">
              ▲
            </span>
            <span class="entry-words">
              <b>{one.slug}</b>
              <small>cannot be read; publish it anew</small>
            </span>
          </li>
        ))}
      </ul>
    </nav>
  );
}
