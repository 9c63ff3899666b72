// One study from top to bottom: what may be said first, then everything it rests on.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Segmented } from "../parts/bits.jsx";
import { drawnHere, Exports, Figure, figuresOf, otherFigures, SECTIONS } from "./figures.jsx";
import { MethodsTable } from "./methods.jsx";
import { Guards, PowerTable, Provenance, Quality } from "./readiness.jsx";
import { studyUrl } from "./shelf.js";
import { ClaimCard, Verdict } from "./verdict.jsx";
import { dateOf, named, ofOutcome, pValue, several } from "./words.js";

const PLACES = [
  ["verdict", "Verdict"],
  ["guards", "Guards"],
  ...SECTIONS,
  ["report", "Report"],
];

export function Study({ shelf }) {
  const room = useRef();
  const open = shelf.open.value;
  const { findings, slug } = open;
  const outcome = shelf.outcome.value;
  useEffect(() => {
    room.current.scrollTop = 0;
  }, [slug]);
  return (
    <main class="study" ref={room} tabIndex={0} aria-label={`Study: ${findings.title}`} data-testid="study">
      <StudyHead shelf={shelf} open={open} outcome={outcome} />
      <Jumps room={room} />
      <Verdict findings={findings} outcome={outcome} />
      <ClaimCard findings={findings} outcome={outcome} />
      <Section id="guards" title="Guards">
        <Guards findings={findings} outcome={outcome} />
      </Section>
      {SECTIONS.map(([key, title]) => (
        <Section key={key} id={key} title={title}>
          <Words section={key} open={open} outcome={outcome} />
        </Section>
      ))}
      {otherFigures(open.figures, outcome).length > 0 && (
        <Section id="others" title="More figures">
          <Sheets open={open} figures={otherFigures(open.figures, outcome)} />
        </Section>
      )}
      <Section id="report" title="The whole report">
        <Report open={open} />
      </Section>
    </main>
  );
}

function StudyHead({ shelf, open, outcome }) {
  const { findings, slug } = open;
  return (
    <header class="study-head">
      <div>
        <h2>{findings.title}</h2>
        <p class="hint">
          Made {dateOf(findings.provenance.made_at)} · primary outcome{" "}
          {findings.primary_outcome.replaceAll("_", " ")}
          {findings.outcomes.length > 1 && ` · ${several(findings.outcomes.length, "outcome")}, others corrected`}
        </p>
      </div>
      {findings.outcomes.length > 1 && (
        <Segmented
          label="Outcome"
          options={findings.outcomes.map((one) => [one, named(one), `outcome-${one}`])}
          value={outcome}
          onPick={(one) => (shelf.outcome.value = one)}
        />
      )}
      <p class="exports">
        <ReportLinks slug={slug} />
      </p>
    </header>
  );
}

const ReportLinks = ({ slug }) => (
  <>
    <a
      class="button loud"
      href={studyUrl(slug, "/report.html")}
      target="_blank"
      rel="noopener"
      data-testid="report-html"
    >
      Read the report
    </a>
    <a class="button" href={studyUrl(slug, "/report.pdf")} download data-testid="report-pdf">
      PDF
    </a>
    <a
      class="button"
      href={studyUrl(slug, "/report.html?download=true")}
      download
      aria-label="The report as HTML, one file"
    >
      HTML
    </a>
  </>
);

function Jumps({ room }) {
  const here = useSignal("verdict");
  useEffect(() => {
    const watch = new IntersectionObserver(
      (seen) => seen.forEach((one) => one.isIntersecting && (here.value = one.target.id)),
      { root: room.current, rootMargin: "-20% 0px -75% 0px" },
    );
    for (const part of room.current.querySelectorAll("section[id]")) watch.observe(part);
    return () => watch.disconnect();
  }, []);
  const go = (event, id) => {
    event.preventDefault();
    const place = room.current.querySelector(`#${id}`);
    place?.scrollIntoView({ block: "start" });
    place?.focus({ preventScroll: true });
  };
  return (
    <nav class="jumps" aria-label="Parts of the study" data-testid="jumps">
      {PLACES.map(([id, title]) => (
        <a
          key={id}
          href={`#${id}`}
          aria-current={here.value === id ? "location" : undefined}
          onClick={(event) => go(event, id)}
        >
          {title}
        </a>
      ))}
    </nav>
  );
}

const Section = ({ id, title, children }) => (
  <section class="part" id={id} data-testid={`part-${id}`} aria-labelledby={`${id}-title`} tabIndex={-1}>
    <h3 id={`${id}-title`}>{title}</h3>
    {children}
  </section>
);

const Sheets = ({ open, figures }) =>
  figures.map((figure) => <Figure key={figure.name} slug={open.slug} version={open.version} figure={figure} />);

/** A section's figures and what stands beside them in words. */
function Words({ section, open, outcome }) {
  const { findings } = open;
  const figures = figuresOf(open.figures, section, outcome);
  const Beside = BESIDE[section];
  return (
    <>
      {figures.length === 0 && !Beside && (
        <p class="hint">The report has no figure of this for {named(outcome).toLowerCase()}.</p>
      )}
      <Sheets open={open} figures={figures} />
      {Beside && <Beside open={open} findings={findings} outcome={outcome} drawn={figures.length > 0} />}
    </>
  );
}

/** What stands below a section's figures; some only where there is no figure, which says it, too. */
const BESIDE = {
  methods: MethodsTable,
  placebos: PlaceboWords,
  displacement: DisplacementWords,
  power: PowerTable,
  data: Quality,
};

function PlaceboWords({ open, outcome, drawn }) {
  if (drawn) return null;
  const placebos = ofOutcome(open.findings.placebos, outcome);
  if (!placebos.length) return <p class="hint">No placebo was drawn for {named(outcome).toLowerCase()}.</p>;
  return (
    <ul class="sentences wide">
      {placebos.map((one) => (
        <li key={one.method + one.kind}>
          {open.methods.get(one.method)?.title ?? named(one.method)}, {one.kind}: rank <i>p</i> ={" "}
          <b>{pValue(one.p_value)}</b> among {several(one.draws_ratio.length, "draw")} without cameras.
        </li>
      ))}
    </ul>
  );
}

function DisplacementWords({ findings, outcome, drawn }) {
  if (drawn) return null;
  const told = ofOutcome(findings.displacement, outcome);
  if (!told.length) return <p class="hint">Displacement was not examined for {named(outcome).toLowerCase()}.</p>;
  return told.map((one) => (
    <p key={one.says} class="says">
      {one.says}
    </p>
  ));
}

function Report({ open }) {
  return (
    <>
      <p class="exports">
        <ReportLinks slug={open.slug} />
      </p>
      {drawnHere(open.figures).map((figure) => (
        <div key={figure.name} class="as-picture">
          <span>{figure.title}, as a picture</span>
          <Exports slug={open.slug} figure={figure} />
        </div>
      ))}
      <Provenance findings={open.findings} />
    </>
  );
}
