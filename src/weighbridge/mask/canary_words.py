"""Words of which canaries are made that are names: of people who never lived, of places and of groups."""

from __future__ import annotations

GIVEN = (
    "Ottilie", "Lorenzo", "Philippa", "Anselm", "Beatrix", "Cornelius", "Delphine", "Eduardo", "Felicitas", "Gregory",
    "Henrietta", "Ignatius", "Josephine", "Konstantin", "Leopold", "Margarethe", "Nathaniel", "Octavia", "Percival",
    "Rosalind", "Sebastian", "Theodora", "Ulrike", "Valentina", "Winifred", "Yevgenia", "Zacharias", "Adelheid",
    "Bartholomew", "Clementine", "Dominique", "Evangeline", "Frederick", "Genevieve", "Humphrey", "Isabella",
    "Jeremiah", "Katharina", "Ludovica", "Maximilian",
)  # fmt: skip

NAMES = (
    "Brandstetter", "Quillmoor", "Fernsworth", "Oberholzer", "Castellano", "Vanderbeek", "Whitcombe", "Harrowgate",
    "Lindqvist", "Marchetti", "Nowakowska", "Petersheim", "Ravenscroft", "Sommerfeldt", "Thistlewood", "Underhill",
    "Wolfensberger", "Ashdowne", "Blackwood", "Carmichael", "Dr\u00fcckm\u00fcller", "Eisenhardt", "Farnsbarns", "Goldwater",
    "Hollingsworth", "Ingebrigtsen", "Jankowski", "Kirkpatrick", "Lancaster", "Montgomery", "Nightingale", "Oppenheim",
    "Pemberton", "Rosenqvist", "Stavanger", "Trevelyan", "Vasquezano", "Westerholm", "Yarborough", "Zimmermann",
)  # fmt: skip

STREETS = (
    "Larkspur", "Copperfield", "Thornbury", "Willowmere", "Marigold", "Hawthorne", "Kestrel", "Juniper", "Foxglove",
    "Bramble", "Saffron", "Meadowlark", "Heather", "Sycamore", "Primrose", "Chestnut", "Magnolia", "Elderberry", "Rowanberry",
    "Cloverfield", "Harebell", "Bluebell", "Nettleton", "Silverbirch", "Goldfinch", "Nuthatch", "Kingfisher", "Bullfinch",
    "Buttercup", "Cornflower", "Honeysuckle", "Lavender", "Periwinkle", "Snowdrop", "Wisteria", "Yellowwood", "Beechwood",
    "Aspenwood", "Cedarcroft", "Dogwood",
)  # fmt: skip

PLACES = (
    "Braintree", "Chippenham", "Darlington", "Eastbourne", "Folkestone", "Gloucester", "Harrogate", "Ilfracombe",
    "Kidderminster", "Leominster", "Macclesfield", "Northallerton", "Oswestry", "Penzance", "Ramsgate", "Scarborough",
    "Tewkesbury", "Uttoxeter", "Wolverhampton", "Yeovil", "Bayreuth", "Coburg", "Deggendorf", "Esslingen", "Flensburg",
    "G\u00f6ttingen", "Heilbronn", "Ingolstadt", "Kaiserslautern", "Landshut", "Memmingen", "Neubrandenburg", "Offenburg",
    "Paderborn", "Ravensburg", "Salzgitter", "T\u00fcbingen", "Wilhelmshaven", "Zwickau", "Albuquerque",
)  # fmt: skip

GROUPS = (
    "Albanian", "Bulgarian", "Cambodian", "Dominican", "Ethiopian", "Filipino", "Guatemalan", "Hungarian", "Icelandic",
    "Jamaican", "Kenyan", "Lithuanian", "Malaysian", "Norwegian", "Paraguayan", "Romanian", "Slovenian", "Tunisian",
    "Ukrainian", "Venezuelan", "Zimbabwean", "Buddhist", "Lutheran", "Methodist", "Presbyterian", "Quaker", "Baptist",
    "Mongolian", "Nigerian", "Pakistani", "Peruvian", "Rwandan", "Senegalese", "Tanzanian", "Ugandan", "Uruguayan",
    "Zambian", "Moroccan", "Estonian", "Cypriot",
)  # fmt: skip
