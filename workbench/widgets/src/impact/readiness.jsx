// What was looked at before any result: guards, what could be seen, what the data are like, what it all rests on.
import { count, named, ofOutcome, percent, SEVERITIES, several, tied } from "./words.js";

const ORDER = Object.keys(SEVERITIES);

export function Guards({ findings, outcome }) {
  const guards = findings.guards
    .filter((guard) => guard.outcome === null || guard.outcome === outcome)
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  const loud = guards.filter((guard) => guard.severity !== "notes");
  const noted = guards.filter((guard) => guard.severity === "notes");
  return (
    <div data-testid="guards">
      {loud.length === 0 && <p class="hint">Nothing was found that would mislead a reader.</p>}
      <GuardRows guards={loud} />
      {noted.length > 0 && (
        <details>
          <summary>{several(noted.length, "thing")} looked at and in order</summary>
          <GuardRows guards={noted} />
        </details>
      )}
    </div>
  );
}

const GuardRows = ({ guards }) => (
  <ul class="guards">
    {guards.map((guard) => {
      const [sign, words, tone] = SEVERITIES[guard.severity];
      return (
        <li key={guard.name + guard.outcome + guard.says} class={tone}>
          <span class={`chip ${tone}`}>
            <span aria-hidden="true">{sign}</span> {words}
          </span>
          <div>
            <b>{named(guard.name)}</b>
            <p>{tied(guard.says)}</p>
            {guard.do && <p class="do">{tied(guard.do)}</p>}
          </div>
        </li>
      );
    })}
  </ul>
);

export function PowerTable({ open, outcome }) {
  const { findings, methods } = open;
  const powers = ofOutcome(findings.power, outcome);
  if (!powers.length) return null;
  return (
    <div class="table-room" tabIndex={0} role="group" aria-label="What could be seen, a table">
      <table class="plain" data-testid="power">
        <thead>
          <tr>
            <th scope="col">Method</th>
            <th scope="col" class="n">
              Incidents before
            </th>
            <th scope="col" class="n">
              Smallest fall found
            </th>
            <th scope="col" class="n">
              How often
            </th>
          </tr>
        </thead>
        <tbody>
          {powers.map((one) => (
            <tr key={one.method}>
              <th scope="row">{methods.get(one.method)?.title ?? named(one.method)}</th>
              <td class="n">{count(one.baseline_count)}</td>
              <td class="n large">
                {one.least_detectable_ratio === null
                  ? "none, not even to nothing"
                  : percent(one.least_detectable_ratio)}
              </td>
              <td class="n">{percent(one.power, 0, false)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Where the report has no figure of it. */
export function Quality({ findings, drawn }) {
  if (drawn) return null;
  const { quality } = findings;
  const left = quality.left_out.filter(([, number]) => number > 0);
  return (
    <dl class="quality" data-testid="quality">
      <Pair words="incidents handed in" figure={count(quality.incidents)} />
      <Pair words="of them used" figure={count(quality.used)} />
      {left.map(([reason, number]) => (
        <Pair key={reason} words={`left out: ${reason}`} figure={count(number)} quiet />
      ))}
      <Pair words="time known only to within more than a day" figure={share(quality.inexact_time_ratio)} />
      <Pair words="place coarser than an address or a block" figure={share(quality.poor_geocode_ratio)} />
      <Pair words="there because police looked for them" figure={share(quality.proactive_ratio)} />
    </dl>
  );
}

const share = (ratio) => percent(ratio, 1, false);

const Pair = ({ words, figure, quiet }) => (
  <div class={quiet ? "quiet" : ""}>
    <dt>{words}</dt>
    <dd>{figure}</dd>
  </div>
);

export function Provenance({ findings }) {
  const { provenance } = findings;
  return (
    <div class="provenance" data-testid="provenance">
      <p>
        {provenance.study} · seed {provenance.seed} · version {provenance.code_version} ·{" "}
        {several(provenance.data_sha256.length, "file")}
      </p>
      <ul>
        {provenance.data_sha256.map(([name, digest]) => (
          <li key={name}>
            {name} <code>{digest}</code>
          </li>
        ))}
      </ul>
      <details>
        <summary>The study as it was laid down</summary>
        <pre tabIndex={0}>{provenance.specification}</pre>
      </details>
    </div>
  );
}
