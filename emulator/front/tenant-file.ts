// tenant.json: the tenant as a person may edit it. It is made on first start and read on every later one.
import { randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import { DroverError } from '../../lib/error.ts';
import { defaultTenant, type TenantDescription } from '../drive/tenant.ts';
import type { AppRegistration } from '../entra/entra.ts';
import { readWholeFile, writeWholeFile } from './whole-file.ts';

/** Everything that is set up in the tenant. */
export interface Tenant extends TenantDescription {
  /** As in ann@contoso.com. */
  domain: string;
  /** The first is the one that clients are told to use. */
  apps: AppRegistration[];
}

export interface TenantFile {
  readonly tenant: Tenant;
  /** Writes what was changed in the tenant. */
  save(): void;
}

/** Throws INVALID_ARGUMENT that names the file and the field. */
export function openTenantFile(folder: string): TenantFile {
  const file = path.join(folder, 'tenant.json');
  const stored = readWholeFile(file);
  const tenant = stored === undefined ? newTenant() : readTenant(file, stored);
  // It holds the secrets of the applications.
  const save = () => writeWholeFile(file, `${JSON.stringify(tenant, undefined, 2)}\n`, 0o600);
  if (stored === undefined) save();
  return { tenant, save };
}

function newTenant(): Tenant {
  const { id, name, users, sites } = defaultTenant();
  const granted = ['Sites.ReadWrite.All', 'Files.ReadWrite.All'];
  const app = (appName: string, permissions: AppRegistration['permissions']) => ({
    clientId: randomUUID(),
    name: appName,
    // As long as those of Entra ID.
    secrets: [randomBytes(30).toString('base64url')],
    certificates: [],
    permissions,
  });
  const apps = [
    app('Drover', { application: granted, delegated: [...granted, 'User.Read'] }),
    app('Without permissions', { application: [], delegated: [] }),
    coordinatorApp(users.map(({ principalName }) => principalName)),
  ];
  return { id, name, domain: 'contoso.com', users, sites, apps };
}

/** What stands for a coordinator: one person has each of its roles. */
function coordinatorApp(people: string[]): AppRegistration {
  const values = ['Drover.Admin', 'Drover.Operator', 'Drover.Viewer'];
  return {
    clientId: randomUUID(),
    name: 'Drover coordinator',
    secrets: [randomBytes(30).toString('base64url')],
    certificates: [],
    permissions: { application: [], delegated: [] },
    appRoles: values.map((value, index) => ({ value, assignedTo: people.slice(index, index + 1) })),
    accessTokenVersion: 2,
  };
}

function readTenant(file: string, content: string): Tenant {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw DroverError.invalid(file, `is not JSON: ${(cause as Error).message}`, cause);
  }
  const wrong = firstProblem(value, tenantShape, '');
  if (wrong !== undefined) throw DroverError.invalid(file, wrong);
  return value as Tenant;
}

/** A type, "optional" where it may be absent, a list of one shape, or an object of shapes. */
type Shape =
  | 'text'
  | 'text?'
  | 'boolean?'
  | 'number?'
  | 'texts?'
  | 'roles?'
  | readonly [Shape]
  | { [name: string]: Shape };

const roleShape: Shape = { value: 'text', assignedTo: ['text'] };

const tenantShape: Shape = {
  id: 'text',
  name: 'text',
  domain: 'text',
  users: [{ id: 'text', principalName: 'text', displayName: 'text' }],
  sites: [
    {
      path: 'text?',
      title: 'text',
      owner: 'text?',
      readOnly: 'boolean?',
      libraries: [
        {
          title: 'text',
          urlName: 'text',
          readOnly: 'boolean?',
          requiresCheckout: 'boolean?',
          quotaBytes: 'number?',
        },
      ],
    },
  ],
  apps: [
    {
      clientId: 'text',
      name: 'text',
      secrets: ['text'],
      expiredSecrets: 'texts?',
      certificates: ['text'],
      permissions: { application: ['text'], delegated: ['text'] },
      appRoles: 'roles?',
      accessTokenVersion: 'number?',
    },
  ],
};

function firstProblem(value: unknown, shape: Shape, at: string): string | undefined {
  const name = at === '' ? 'the whole' : at;
  if (typeof shape === 'string') return typeProblem(value, shape, name);
  if (isList(shape)) {
    if (!Array.isArray(value)) return `${name} must be a list`;
    return firstOf(value.map((item, index) => firstProblem(item, shape[0], `${at}[${index}]`)));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${name} must be an object`;
  const fields = value as Record<string, unknown>;
  const prefix = at === '' ? '' : `${at}.`;
  // What is misspelt would otherwise be as if it were not there.
  const unknown = Object.keys(fields).find((field) => !Object.hasOwn(shape, field));
  if (unknown !== undefined)
    return `${prefix}${unknown} is not a field; there are ${Object.keys(shape).join(', ')}`;
  return firstOf(
    Object.entries(shape).map(([field, of]) => firstProblem(fields[field], of, prefix + field)),
  );
}

function typeProblem(value: unknown, shape: string, name: string): string | undefined {
  if (shape === 'roles?')
    return value === undefined ? undefined : firstProblem(value, [roleShape], name);
  if (shape === 'texts?')
    return value === undefined ? undefined : firstProblem(value, ['text'], name);
  const type = shape.replace('?', '');
  if (shape.endsWith('?') && value === undefined) return undefined;
  if (type !== 'text') return typeof value === type ? undefined : `${name} must be a ${type}`;
  if (typeof value !== 'string') return `${name} must be text`;
  return value === '' && !shape.endsWith('?') ? `${name} must not be empty` : undefined;
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function firstOf(problems: (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}
