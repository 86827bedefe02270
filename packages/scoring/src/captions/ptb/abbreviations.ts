/** Abbreviations that keep their period. */
import { anyCase, oneOf } from './characters.ts';

const words = (text: string): string => oneOf(...text.trim().split(/\s+/).map(anyCase));
/** Words that are abbreviations only with a capital, for in lower case they are others. */
const capitalised = (text: string): string =>
  oneOf(
    ...text
      .trim()
      .split(/\s+/)
      .map((word) => word[0] + anyCase(word.slice(1))),
  );

const MONTHS_AND_DAYS = words(
  'jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri',
);
const STATES = oneOf(
  words(
    'ala ariz calif colo conn ct dak fla ga ind kan kans ky md mich minn mo mont neb nev okla penn tenn va vt wis wisc wyo',
  ),
  capitalised('Az Ark Del Ill La Mass Miss Ore Pa Tex Wash'),
);
const COMPANIES = oneOf(
  words('inc co cos corp ltd plc rt bancorp bhd assn univ intl sys'),
  // pty, pte, ptys, ...
  `${anyCase('p')}${anyCase('p')}?${anyCase('t')}[ye]${anyCase('s')}?`,
);
const SUFFIXES = oneOf(
  words('jr sr bros blvd rd esq tel est ext sq etc al seq bldg'),
  `${words('ed ph')}\\.${anyCase('d')}`,
);

/** Mostly followed by a lower-case word. */
export const ABBREVIATION = oneOf(MONTHS_AND_DAYS, STATES, COMPANIES, SUFFIXES);

const US = `${anyCase('u')}\\.${anyCase('s')}`;
const OF_COUNTRIES = oneOf(
  `${words('canada sino korean eu japan non')}-${US}`,
  `${US}\\.-${oneOf(`${anyCase('u')}\\.${anyCase('k')}`, `${US}\\.${anyCase('s')}\\.${anyCase('r')}`)}`,
);
/** Single letters with periods between them, without the last period. */
export const ACRONYM = oneOf(OF_COUNTRIES, '[A-Za-z](?:\\.[A-Za-z])*');
/** Of at least two letters. */
export const LONG_ACRONYM = oneOf(OF_COUNTRIES, '[A-Za-z](?:\\.[A-Za-z])+');

const TITLES = oneOf(
  words(
    `mr mrs ms dr drs prof profs sen sens rep reps atty attys lt col gen messrs gov govs adm rev maj sgt cpl pvt capt
    st ste ave pres lieut hon brig cmdr comdr pfc spc supt supts det mt ft adj adv asst assoc ens insp mlle mme msgr sfc`,
  ),
  capitalised('Miss'),
);
const OTHERS = oneOf(
  words('vs alex wm jos cie cf treas ph invt elec natl dept'),
  `${anyCase('m')}[ft]${anyCase('g')}`,
);

/** Mostly followed by a capital, or by nothing special. */
export const TITLE = oneOf(TITLES, OTHERS, ACRONYM);

/** Abbreviations only before a number. */
export const BEFORE_NUMBERS = words('ca fig figs prop no nos art bldg pp op');

/** A single letter with a period ends its sentence if one of these follows. */
export const SENTENCE_STARTS = capitalised(
  `About According Additionally After An A As At But Earlier He Her Here However If In It Last Many More Now Once One
  Other Our She Since So Some Such That The Their Then There These They This We When While What Yet You`,
);

export const FILE_EXTENSIONS = words(
  `bat bmp c class cgi cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png ppt ps py sql tar
  txt wav x xml zip`,
);
