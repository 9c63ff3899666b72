// Bundle the pages: node build.mjs NODE_MODULES OUT DIGEST. Writes content-hashed files and OUT/manifest.json.
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [modules, out, digest] = process.argv.slice(2);
const here = path.dirname(fileURLToPath(import.meta.url));
const esbuild = createRequire(path.join(modules, "_"))("esbuild");
// Pages of one group share their parts. The impact lab's shares none: what it needs of them would cut theirs
// smaller, and every page of the desk would ask for one file more.
const GROUPS = [["operations", "supervisor", "phone"], ["impact"]];

/** Copy a file under a name that holds its digest, and return that name. */
function hashed(from, stem, suffix) {
  const bytes = fs.readFileSync(from);
  const name = `${stem}.${createHash("sha256").update(bytes).digest("hex").slice(0, 10)}${suffix}`;
  fs.writeFileSync(path.join(out, name), bytes);
  return name;
}

fs.mkdirSync(out, { recursive: true });
const worker = hashed(path.join(modules, "maplibre-gl/dist/maplibre-gl-worker.mjs"), "map_worker", ".mjs");
const options = {
  absWorkingDir: here,
  assetNames: "[name].[hash]",
  bundle: true,
  chunkNames: "part.[hash]",
  define: { MAP_WORKER: JSON.stringify(worker) },
  entryNames: "[name].[hash]",
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  loader: { ".woff2": "file" },
  metafile: true,
  minify: true,
  nodePaths: [modules],
  outdir: out,
  outExtension: { ".js": ".mjs" },
  outbase: here,
  splitting: true,
  target: "es2022",
};
const outputs = {};
for (const pages of GROUPS) {
  const entryPoints = pages.flatMap((page) => [`${page}.jsx`, `css/${page}.css`]);
  Object.assign(outputs, (await esbuild.build({ ...options, entryPoints })).metafile.outputs);
}

const pages = {};
const sizes = {};
const used = new Set(["maplibre-gl"]);
for (const [file, output] of Object.entries(outputs)) {
  const name = path.relative(out, path.resolve(here, file));
  sizes[name] = output.bytes;
  for (const input of Object.keys(output.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input);
    if (found) used.add(found[1]);
  }
  if (!output.entryPoint) continue;
  const page = path.basename(output.entryPoint).replace(/\.(jsx|css)$/, "");
  if (GROUPS.flat().includes(page)) (pages[page] ??= {})[output.entryPoint.endsWith(".css") ? "css" : "js"] = name;
}
const licences = [...used].sort().map((name) => {
  const folder = path.join(modules, name);
  const { version, license } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
  const file = fs.readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  return `${name} ${version} (${license})\n\n${file ? fs.readFileSync(path.join(folder, file), "utf8") : ""}`;
});
fs.writeFileSync(path.join(out, "THIRD_PARTIES.txt"), licences.join(`\n${"-".repeat(72)}\n\n`));
fs.writeFileSync(path.join(out, "manifest.json"), JSON.stringify({ digest, pages, sizes }, null, 1));
