// Names of the schema as words of a command line.

/**
 * `TaskService` -> `tasks`, `JoinTokenService` -> `join-tokens`, `SettingsService` -> `settings`,
 * `AuditService` -> `audit`.
 */
export function groupName(service: string): string {
  return kebabCase(plural(nounOf(service)));
}

/**
 * The method without the noun of its service: `ListTasks` -> `list`, `ListAuditEntries` -> `list`. The whole name in kebab case
 * where it does not end with the noun, or where the short one is taken.
 */
export function commandName(method: string, service: string, taken: readonly string[]): string {
  const noun = nounOf(service);
  const ending = [plural(noun), noun, `${noun}Entries`].find(
    (candidate) => method.endsWith(candidate) && method !== candidate,
  );
  const short = kebabCase(ending === undefined ? method : method.slice(0, -ending.length));
  return taken.includes(short) ? kebabCase(method) : short;
}

/**
 * `migrate_hidden_items`, `MigrateHiddenItems` or `SUCCEEDED_WITH_FAILURES` with hyphens, in lower
 * case.
 */
export function kebabCase(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

/** A name of the schema as a person says it: `display_name` -> `display name`. */
export function spokenName(name: string): string {
  return kebabCase(name).replaceAll('-', ' ');
}

function nounOf(service: string): string {
  return service.replace(/Service$/, '');
}

/** What there is one of, and more of only in parts. */
const uncountable = new Set(['Audit']);

function plural(noun: string): string {
  if (uncountable.has(noun)) return noun;
  if (noun.endsWith('s')) return noun;
  return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
}
