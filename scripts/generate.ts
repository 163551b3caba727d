// Generates gen/ from proto/: the code of every message and service (protoc-gen-es), the comments
// of the schema as a table, which the command line shows as its help (the generated descriptors
// have none), the list of the files of the public API, and the error reasons in docs/OPERATIONS.md. It refuses a schema with a
// method that does not say who may call it. With --check nothing is written: it fails with the list of files that are not what
// would be generated.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import {
  FileDescriptorSetSchema,
  type FileDescriptorProto,
  type FileDescriptorSet,
} from '@bufbuild/protobuf/wkt';
import { methodsWithoutAccess } from './schema-access.ts';
import { commentsOf } from './schema-comments.ts';
import { withReasons } from './schema-reasons.ts';

const root = path.dirname(import.meta.dirname);
const generatedFolder = path.join(root, 'gen');
/** The guide that has a table of the error reasons in it. */
const operationsGuide = path.join(root, 'docs', 'OPERATIONS.md');
/** The package whose services are the public API. */
const apiPackage = 'drover.v1';

function main(): void {
  const scratch = mkdtempSync(path.join(tmpdir(), 'drover-generate-'));
  try {
    const image = buildImage(scratch);
    const open = methodsWithoutAccess(image, apiPackage);
    if (open.length > 0) return refuse(open);
    generateInto(scratch, image);
    const stale = differences(path.join(scratch, 'gen'), generatedFolder);
    const guide = { was: readFileSync(operationsGuide, 'utf8'), is: '' };
    guide.is = withReasons(guide.was, image, comments(image));
    const isGuideStale = guide.is !== guide.was;
    if (process.argv.includes('--check')) {
      check([
        ...stale.map((file) => `gen/${file}`),
        ...(isGuideStale ? ['docs/OPERATIONS.md'] : []),
      ]);
    } else {
      update(path.join(scratch, 'gen'), stale);
      if (isGuideStale) writeFileSync(operationsGuide, guide.is);
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function check(stale: string[]): void {
  if (stale.length === 0) return;
  console.error('generated code is not up to date; run npm run generate');
  for (const file of stale) console.error(`  ${file}`);
  process.exitCode = 1;
}

function refuse(open: string[]): void {
  console.error('these methods do not say who may call them; give each an option (access), with a role, agent or anyone:'); // oxfmt-ignore
  for (const method of open) console.error(`  ${method}`);
  process.exitCode = 1;
}

/**
 * Writes only what differs, so that a process which reads gen/ at this moment never finds it empty.
 */
function update(fresh: string, stale: string[]): void {
  for (const file of stale) {
    const target = path.join(generatedFolder, file);
    try {
      const content = readFileSync(path.join(fresh, file));
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, content);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      rmSync(target);
    }
  }
  console.log(stale.length === 0 ? 'gen/ is up to date' : `gen/: ${stale.join(', ')}`);
}

function buildImage(scratch: string): FileDescriptorSet {
  const image = path.join(scratch, 'image.binpb');
  buf('build', '--output', image);
  return fromBinary(FileDescriptorSetSchema, readFileSync(image));
}

function generateInto(scratch: string, image: FileDescriptorSet): void {
  buf('generate', '--output', scratch);
  writeFileSync(path.join(scratch, 'gen', 'docs.ts'), docsModule(comments(image)));
  writeFileSync(path.join(scratch, 'gen', 'api.ts'), apiModule(filesOfApi(image)));
}

function filesOfApi(image: FileDescriptorSet): FileDescriptorProto[] {
  return image.file.filter((file) => file.package === apiPackage);
}

/** The comments of the public API, by the full name of what they stand at. */
function comments(image: FileDescriptorSet): Map<string, string> {
  return new Map(filesOfApi(image).flatMap((file) => [...commentsOf(file)]));
}

function buf(...options: string[]): void {
  const program = path.join(root, 'node_modules', '@bufbuild', 'buf', 'bin', 'buf');
  // buf starts protoc-gen-es by its first line, which asks the path for node; that has to be this
  // one.
  const searchPath = [path.dirname(process.execPath), process.env['PATH']].join(path.delimiter);
  execFileSync(process.execPath, [program, ...options], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: searchPath },
  });
}

function docsModule(byName: ReadonlyMap<string, string>): string {
  const entries = [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const lines = entries.map(
    ([name, text]) => `  [${JSON.stringify(name)}, ${JSON.stringify(text)}],`,
  );
  return `// @generated by scripts/generate.ts from the comments of proto/; do not edit.

/**
 * The comment of every service, method, message, field, enum and enum value of ${apiPackage}, by
 * its full name.
 */
export const docs: ReadonlyMap<string, string> = new Map([
${lines.join('\n')}
]);
`;
}

function apiModule(files: FileDescriptorProto[]): string {
  const modules = files
    .map((file) => file.name.replace(/\.proto$/, ''))
    .sort()
    .map((name) => ({ name, symbol: `file_${name.replaceAll(/[^A-Za-z0-9]/g, '_')}` }));
  return `// @generated by scripts/generate.ts from the files of proto/; do not edit.
import type { DescFile } from "@bufbuild/protobuf";
${modules.map(({ name, symbol }) => `import { ${symbol} } from "./${name}_pb.ts";`).join('\n')}

/** Every file of ${apiPackage}, in the order of their names. */
export const apiFiles: readonly DescFile[] = [
${modules.map(({ symbol }) => `  ${symbol},`).join('\n')}
];
`;
}

/** Files that are in only one of two folders or differ, by their sorted paths below them. */
function differences(one: string, other: string): string[] {
  const [inOne, inOther] = [contentsOf(one), contentsOf(other)];
  const names = new Set([...inOne.keys(), ...inOther.keys()]);
  return [...names].filter((name) => inOne.get(name) !== inOther.get(name)).sort();
}

function contentsOf(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map((entry) => path.join(entry.parentPath, entry.name));
  return new Map(paths.map((file) => [path.relative(folder, file), readFileSync(file, 'utf8')]));
}

main();
