// What may be said, and the way from the claim to it.
import {
  count,
  leastDetectable,
  named,
  ofOutcome,
  percent,
  percentagesStated,
  range,
  rawOf,
  rungLook,
  RUNGS,
  change,
  tied,
} from "./words.js";

export function Verdict({ findings, outcome }) {
  const verdict = ofOutcome(findings.verdicts, outcome)[0];
  if (!verdict) return <p class="hint">The study says nothing about {named(outcome).toLowerCase()}.</p>;
  const { sign, tone } = rungLook(verdict.rung);
  return (
    <section class={`pane verdict ${tone}`} id="verdict" data-testid="verdict" aria-label="Verdict" tabIndex={-1}>
      <div class="said-plainly">
        <p class={`rung ${tone}`}>
          <span aria-hidden="true">{sign}</span> {named(verdict.rung)}
        </p>
        <p class="sentence">{tied(verdict.sentence)}</p>
        <ol class="ladder" aria-label="The verdict ladder, lowest first">
          {RUNGS.map(([rung, rungSign]) => (
            <li
              key={rung}
              class={rung === verdict.rung ? `here ${tone}` : ""}
              aria-current={rung === verdict.rung ? "step" : undefined}
            >
              <span aria-hidden="true">{rungSign}</span> {named(rung)}
            </li>
          ))}
        </ol>
      </div>
      <div class="because">
        <h3>Why this, and not more</h3>
        <Sentences all={verdict.reasons} />
        <h3>What would change it</h3>
        <Sentences all={verdict.would_change} />
      </div>
    </section>
  );
}

const Sentences = ({ all }) => (
  <ul class="sentences">
    {all.map((sentence) => (
      <li key={sentence}>{tied(sentence)}</li>
    ))}
  </ul>
);

/** From the claim by way of the raw change to the range that may be stated, and whether it could be seen at all. */
export function ClaimCard({ findings, outcome }) {
  const story = storyOf(findings, outcome);
  return (
    <section class="pane claim" data-testid="claim-card" aria-label="From the claim to what may be said">
      <ol class="story">
        <Step title="Claimed" figure={story.claimedWords} tone="claimed" mark="claimed">
          {story.claimed === null ? (
            "No figure is claimed about this."
          ) : (
            <>
              “{findings.claim.words}” <small>{findings.claim.source}</small>
            </>
          )}
        </Step>
        <Step title="Raw, before and after" figure={story.rawWords} tone="raw" mark="raw" chip="not causal">
          What happened at the cameras, whatever made it happen.
        </Step>
        <Step title="Against what would have been" figure={story.rangeWords} tone="range" mark="range">
          {story.range
            ? "From the lowest to the highest end of the intervals of the designs that the verdict rests on."
            : "No design gives a range that may be stated."}
        </Step>
        <Step title="Could it be seen?" figure={story.leastWords} tone="least" mark="least" chip={story.seen}>
          {story.seenWords}
        </Step>
      </ol>
      {story.shares && <Strip story={story} />}
    </section>
  );
}

function storyOf(findings, outcome) {
  const shares = percentagesStated(findings, outcome);
  const verdict = ofOutcome(findings.verdicts, outcome)[0];
  const power = leastDetectable(findings, outcome);
  const raw = rawOf(findings, outcome);
  const claimed = outcome === findings.primary_outcome ? findings.claim.change_ratio : null;
  const least = shares ? (power?.least_detectable_ratio ?? null) : null;
  const found = shares ? (verdict?.range_ratio ?? null) : null;
  const seen = claimed === null ? null : least !== null && claimed <= least;
  return {
    shares,
    claimed,
    least,
    range: found,
    raw: shares ? (raw?.change_ratio ?? null) : null,
    claimedWords: claimed === null ? "no claim" : percent(claimed),
    rawWords: !raw ? "–" : shares ? percent(raw.change_ratio) : `${change(raw.change_count)} incidents`,
    rangeWords: found ? range(found) : "not stated",
    leastWords: !shares ? "too few" : least === null ? "no fall" : `falls from ${percent(-least, null, false)}`,
    seen: seen === null ? "" : seen ? "✓ detectable" : "✕ not detectable",
    seenWords: seenWords(shares, least, seen, power, ofOutcome(findings.power, outcome)),
  };
}

function seenWords(shares, least, seen, power, powers) {
  if (!shares) {
    const most = Math.max(...powers.map((one) => one.baseline_count));
    return `Only ${count(most)} incidents before the cameras: under 20, no percentage is stated.`;
  }
  if (least === null) return "Not even a fall to nothing would be found with confidence.";
  const often = `Falls that large are found ${percent(power.power, 0, false)} of the time.`;
  if (seen === null) return often;
  return seen
    ? `${often} One as large as claimed would have been seen.`
    : `${often} One as large as claimed could be missed.`;
}

function Step({ title, figure, tone, mark, chip, children }) {
  return (
    <li class={`step ${tone}`}>
      <h3>
        <i class={`mark ${mark}`} aria-hidden="true" /> {title}
      </h3>
      <p class="figure">
        {figure} {chip && <span class="chip">{chip}</span>}
      </p>
      <p class="words">{children}</p>
    </li>
  );
}

/** The same on one scale. */
function Strip({ story }) {
  const marks = [story.claimed, story.raw, story.least, ...(story.range ?? []), 0, 0.1];
  const given = marks.filter((one) => one !== null);
  const low = Math.max(-1, Math.floor(Math.min(...given) * 10 - 0.5) / 10);
  const high = Math.ceil(Math.max(...given) * 10 + 0.5) / 10;
  const x = (share) => `${(100 * (share - low)) / (high - low)}%`;
  const width = (from, to) => `${(100 * (to - from)) / (high - low)}%`;
  const step = high - low > 1.2 ? 0.5 : high - low > 0.6 ? 0.2 : 0.1;
  const [from, to] = story.range ? [story.range[0] ?? low, story.range[1] ?? high] : [];
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + 1e-9; tick += 1) ticks.push(tick * step);
  return (
    <div class="strip" aria-hidden="true">
      <div class="plot">
        {story.least !== null && (
          <i
            class="unseen-zone"
            style={{ left: x(story.least), width: width(story.least, Math.min(high, -story.least)) }}
          />
        )}
        {ticks.map((tick) => (
          <i key={tick} class={`tick ${Math.abs(tick) < 1e-9 ? "zero" : ""}`} style={{ left: x(tick) }}>
            <b>{percent(tick)}</b>
          </i>
        ))}
        {story.range && (
          <i class="bar" style={{ left: x(from), width: width(from, to) }} />
        )}
        {story.raw !== null && <i class="dot raw" style={{ left: x(story.raw) }} />}
        {story.claimed !== null && <i class="dot claimed" style={{ left: x(story.claimed) }} />}
      </div>
      {story.least !== null && (
        <p class="hint">
          <i class="mark least" /> Changes in the hatched part are too small for this study to find them reliably.
        </p>
      )}
    </div>
  );
}
