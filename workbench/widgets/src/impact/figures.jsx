// The report's figures: each on paper, with its words beside it and its files to take along.
import { Component } from "preact";
import { studyUrl } from "./shelf.js";
import { suffix } from "./words.js";

/** Key of a section, how it is called, and the figures that belong to it by what their names begin with. */
export const SECTIONS = [
  ["methods", "Methods", ["forest"]],
  ["time", "Over time", ["series", "event_study"]],
  ["map", "Map", ["map", "donors"]],
  ["placebos", "Placebos", ["placebo", "placebos"]],
  ["displacement", "Displacement", ["displacement"]],
  ["sensitivity", "Sensitivity", ["sensitivity"]],
  ["power", "Power", ["power"]],
  ["data", "Data quality", ["data_quality", "quality"]],
];

const DRAWN_HERE = ["claim_card", "verdict_ladder"];
const KINDS = [
  ["svg", "SVG", "for print and for slides"],
  ["png", "PNG", "a picture"],
  ["csv", "CSV", "the numbers it shows"],
];

const stem = (name) => name.split("-")[0];

/** The figures of a section about an outcome, or about all outcomes. */
export function figuresOf(figures, section, outcome) {
  const [, , stems] = SECTIONS.find(([key]) => key === section);
  return figures.filter((one) => stems.includes(stem(one.name)) && isAbout(one, outcome));
}

const isAbout = ({ name }, outcome) => !name.includes("-") || name.endsWith(`-${suffix(outcome)}`);

/** Figures that no section knows; of the two that are drawn here anew, only the files are offered. */
export function otherFigures(figures, outcome) {
  const known = [...SECTIONS.flatMap(([, , stems]) => stems), ...DRAWN_HERE];
  return figures.filter((one) => !known.includes(stem(one.name)) && isAbout(one, outcome));
}

export const drawnHere = (figures) => figures.filter((one) => DRAWN_HERE.includes(stem(one.name)));

export class Figure extends Component {
  state = { failed: false };

  render({ slug, version, figure }, { failed }) {
    const { name, title, alt, caption, aspect_ratio: ratio } = figure;
    return (
      <figure class="sheet-row" data-testid="figure" data-name={name}>
        <div class="paper">
          {failed ? (
            <p class="torn" role="alert">
              This figure could not be loaded.{" "}
              <button type="button" onClick={() => this.setState({ failed: false })}>
                Try again
              </button>
            </p>
          ) : (
            <img
              src={studyUrl(slug, `/figures/${name}.svg?v=${version.slice(0, 12)}`)}
              alt={alt}
              loading="lazy"
              style={{ aspectRatio: ratio ?? undefined }}
              decoding="async"
              onError={() => this.setState({ failed: true })}
            />
          )}
        </div>
        <figcaption>
          <h4>{title}</h4>
          <p>{caption}</p>
          <details>
            <summary>In words</summary>
            <p>{alt}</p>
          </details>
          <Exports slug={slug} figure={figure} />
        </figcaption>
      </figure>
    );
  }
}

export function Exports({ slug, figure }) {
  return (
    <p class="exports">
      {KINDS.map(([kind, words, title]) => (
        <a
          key={kind}
          class="button"
          data-testid={`export-${kind}`}
          href={studyUrl(slug, `/figures/${figure.name}.${kind}?download=true`)}
          download
          title={`${words}, ${title}`}
          aria-label={`${figure.title}: ${words}, ${title}`}
        >
          {words}
        </a>
      ))}
    </p>
  );
}
