"""Molecules: files, and what RDKit makes of its objects and of SMILES."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.base import Media, library
from asyncwb.media.content import Content, existing_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from asyncwb.media.base import Place

__all__ = ["Molecule"]

_TYPES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")


class Molecule(Media):
    """A molecule in three dimensions.

    A file is read when it is logged; it may be deleted right after that call.

    Args:
        data_or_path: The path of a file, or an open one, which is read here.
        caption: Text shown with it.
        file_type: Type of an open file without a name: "pdb", "pqr", "mmcif", "mcif", "cif",
            "sdf", "sd", "gro", "mol2" or "mmtf". A path says it with its extension.

    Raises:
        InvalidValueError: No such file, or another type.
    """

    json_type = "molecule-file"
    folder = "molecule"
    SUPPORTED_TYPES = frozenset(_TYPES)

    def __init__(
        self, data_or_path: Any, caption: str | None = None, *, file_type: str | None = None
    ) -> None:
        content: Content
        if isinstance(data_or_path, Content):
            content = data_or_path
        elif isinstance(data_or_path, (str, Path)):
            path = existing_file(data_or_path, "a molecule")
            _check_type(path.suffix[1:], f"the file {path.name!r}")
            content = Content(path, path.suffix)
        elif hasattr(data_or_path, "read"):
            name = getattr(data_or_path, "name", None)
            found = Path(name).suffix[1:] if isinstance(name, str) else file_type
            _check_type(found, "an open file")
            content = Content(_bytes(data_or_path), f".{found}")
        else:
            raise InvalidValueError(
                f"Molecule takes a path or an open file, got {type(data_or_path).__name__}"
            )
        super().__init__(content, caption)

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Self:
        """Make one of a molecule of RDKit, which is copied here.

        Coordinates are computed when it is logged, off the caller's thread.

        Args:
            data_or_path: A molecule, or the path of a `.mol` or `.sdf` file.
            caption: Text shown with it.
            convert_to_3d_and_optimize: Whether coordinates in space are computed.
            mmff_optimize_molecule_max_iterations: How long they are improved.

        Raises:
            InvalidValueError: Something else, or a file that RDKit cannot read.
            UnsupportedError: RDKit is not installed (`pip install rdkit`).
        """
        chem: Any = library("rdkit.Chem", "rdkit", "Molecule.from_rdkit", extra=None)
        if isinstance(data_or_path, (str, Path)):
            molecule = _read(chem, existing_file(data_or_path, "a molecule"))
        elif isinstance(data_or_path, chem.Mol):
            molecule = chem.Mol(data_or_path)
        else:
            raise InvalidValueError(
                f"from_rdkit takes a molecule of RDKit or a path, got {type(data_or_path).__name__}"
            )
        if not convert_to_3d_and_optimize:
            return cls(Content(chem.MolToPDBBlock(molecule).encode(), ".pdb"), caption)
        shapes: Any = library("rdkit.Chem.AllChem", "rdkit", "Molecule.from_rdkit", extra=None)

        def encode() -> bytes:
            solid = chem.AddHs(molecule)
            shapes.EmbedMolecule(solid)
            shapes.MMFFOptimizeMolecule(solid, maxIters=mmff_optimize_molecule_max_iterations)
            text: str = chem.MolToPDBBlock(solid)
            return text.encode()

        return cls(Content(encode, ".pdb"), caption)

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Self:
        """Make one of a SMILES text; see `from_rdkit`.

        Args:
            data: The SMILES text.
            caption: Text shown with it.
            sanitize: Whether RDKit checks that the molecule is possible.
            convert_to_3d_and_optimize: Whether coordinates in space are computed.
            mmff_optimize_molecule_max_iterations: How long they are improved.

        Raises:
            InvalidValueError: The text is no SMILES.
            UnsupportedError: RDKit is not installed (`pip install rdkit`).
        """
        chem: Any = library("rdkit.Chem", "rdkit", "Molecule.from_smiles", extra=None)
        molecule = chem.MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise InvalidValueError(f"no SMILES that RDKit can read: {data!r}")
        return cls.from_rdkit(
            molecule,
            caption=caption,
            convert_to_3d_and_optimize=convert_to_3d_and_optimize,
            mmff_optimize_molecule_max_iterations=mmff_optimize_molecule_max_iterations,
        )

    @classmethod
    def list_to_json(cls, items: Sequence[Any], place: Place) -> dict[str, Any]:
        """Like `to_json`, for a list of molecules."""
        molecules = cast("Sequence[Molecule]", items)
        captions = [one.caption for one in molecules]
        return {
            "_type": "molecule",
            "filenames": [one.to_json(place)["path"] for one in molecules],
            "count": len(molecules),
            "captions": False if captions[0] is None else captions,
        }


def _check_type(found: str | None, what: str) -> None:
    if found not in Molecule.SUPPORTED_TYPES:
        given = "none: name it as file_type" if found is None else repr(found)
        raise InvalidValueError(
            f"a molecule of {what} has one of the types {', '.join(_TYPES)}, got {given}"
        )


def _bytes(file: Any) -> bytes:
    if hasattr(file, "seek"):
        file.seek(0)
    data: Any = file.read()
    return data.encode() if isinstance(data, str) else bytes(data)


def _read(chem: Any, path: Path) -> Any:
    if path.suffix == ".sdf":
        with chem.SDMolSupplier(str(path)) as supplier:
            found = next(iter(supplier), None)
    elif path.suffix == ".mol":
        found = chem.MolFromMolFile(str(path))
    else:
        raise InvalidValueError(f"RDKit reads .mol and .sdf files here, got {path.name!r}")
    if found is None:
        raise InvalidValueError(f"RDKit cannot read {path.name!r}")
    return found
