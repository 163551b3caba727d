// The settings in Migration Manager's and SPMT's JSON: which of Drover's they are, and which have no meaning for file shares. PURE.
import { create } from '@bufbuild/protobuf';
import {
  StringListSchema,
  TaskSettingsSchema,
  type TaskSettings,
} from '../../gen/drover/v1/settings_pb.ts';

/** What became of one setting: `problem` says why its value cannot be used, `note` what is left out of account. */
export interface SettingVerdict {
  problem?: string;
  note?: string;
}

type Reader = (value: unknown, settings: TaskSettings) => SettingVerdict;

const truth =
  (set: (value: boolean, settings: TaskSettings) => SettingVerdict | void): Reader =>
  (value, settings) => {
    // SPMT's files have both.
    const text = String(value).trim().toLowerCase();
    if (text !== 'true' && text !== 'false') return { problem: 'must be true or false' };
    return set(text === 'true', settings) ?? {};
  };

const day =
  (set: (value: string, settings: TaskSettings) => void): Reader =>
  (value, settings) => {
    if (value === null || value === '') return {};
    if (typeof value !== 'string') return { problem: 'must be a day such as 2024-01-31' };
    set(value.trim(), settings);
    return {};
  };

/** What can be said with Drover's settings, by Microsoft's names in lower case. */
const readers: Record<string, Reader> = {
  migratehiddenitems: truth((value, settings) => {
    settings.migrateHiddenItems = value;
  }),
  migrateitemscreatedafter: day((value, settings) => {
    settings.createdAfter = value;
  }),
  migrateitemsmodifiedafter: day((value, settings) => {
    settings.modifiedAfter = value;
  }),
  skipfileswithextensions: (value, settings) => {
    if (typeof value !== 'string') return { problem: 'must be a text such as "txt:mp3"' };
    const values = value.split(/[:;]/).map((part) => part.trim()).filter((part) => part !== ''); // oxfmt-ignore
    settings.excludeExtensions = create(StringListSchema, { values });
    return {};
  },
  filteroutpathspecialcharacters: truth((value, settings) => {
    settings.migrateItemsWithInvalidNames = !value;
  }),
  preservepermission: truth((value, settings) => {
    if (value) settings.preservePermissions = true;
  }),
  enableincremental: truth(
    (value) =>
    value ? {} : { note: 'a task that is run again always migrates only what changed; left out of account' }, // oxfmt-ignore
  ),
};

/** Settings that are about other sources, or about how Microsoft's program works, by their names in lower case. */
const meaningless: Record<string, string> = {
  migratefileversionhistory: 'files of a share have no versions',
  keepfileversions: 'files of a share have no versions',
  numberofversiontomigrate: 'files of a share have no versions',
  enableazuredirectorylookup: 'Drover does not migrate permissions',
  usermappingcsvfile: 'Drover does not migrate permissions',
  usecustomazurestorage: 'Drover sends files to SharePoint itself, without Azure storage between',
  customazurestorageaccount: 'Drover sends files to SharePoint itself, without Azure storage between', // oxfmt-ignore
  customazureaccesskey: 'Drover sends files to SharePoint itself, without Azure storage between; take this secret out of the file', // oxfmt-ignore
  customazuredeletionaftermig: 'Drover sends files to SharePoint itself, without Azure storage between', // oxfmt-ignore
  skiplistwithaudienceenabled: 'it is about lists of SharePoint as a source',
  migrateallwebstructures: 'it is about sites of SharePoint as a source',
  migrateonenotenotebook: 'notebooks of a share are migrated as the files they are',
};

/** Reads one setting into `settings`. */
export function readMicrosoftSetting(
  name: string,
  value: unknown,
  settings: TaskSettings,
): SettingVerdict {
  const key = name.toLowerCase();
  const reader = readers[key];
  if (reader !== undefined) return reader(value, settings);
  const why = meaningless[key];
  return { note: why === undefined ? 'is not known; left out of account' : `${why}; left out of account` }; // oxfmt-ignore
}

/** The settings of a task in Microsoft's words, and the names of those that they have no words for. */
export function writeMicrosoftSettings(settings: TaskSettings): {
  settings: Record<string, unknown>;
  leftOut: string[];
} {
  const said: Record<string, unknown> = {};
  const named = new Set<string>();
  const say = (field: string, name: string, value: unknown) => {
    if (value === undefined) return;
    said[name] = value;
    named.add(field);
  };
  const { createdAfter, modifiedAfter, excludeExtensions, migrateItemsWithInvalidNames } = settings;
  const values = excludeExtensions?.values.map((value) => value.replace(/^\./, ''));
  say('migrateHiddenItems', 'MigrateHiddenItems', settings.migrateHiddenItems);
  if (isDay(createdAfter)) say('createdAfter', 'MigrateItemsCreatedAfter', createdAfter);
  if (isDay(modifiedAfter)) say('modifiedAfter', 'MigrateItemsModifiedAfter', modifiedAfter);
  if (values?.every((value) => !/[:;]/.test(value)))
    say('excludeExtensions', 'SkipFilesWithExtensions', values.join(':'));
  if (migrateItemsWithInvalidNames !== undefined)
    say('migrateItemsWithInvalidNames', 'FilterOutPathSpecialCharacters', !migrateItemsWithInvalidNames); // oxfmt-ignore
  if (settings.preservePermissions === true)
    say('preservePermissions', 'PreservePermission', settings.preservePermissions);
  const set = TaskSettingsSchema.fields.filter(({ localName }) => settings[localName as keyof TaskSettings] !== undefined); // oxfmt-ignore
  const leftOut = set.filter(({ localName }) => !named.has(localName)).map(({ name }) => name);
  return { settings: said, leftOut };
}

function isDay(text: string | undefined): boolean {
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text);
}
