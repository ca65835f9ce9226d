"""Small operations on a text: how an instruction names them, and how they are done."""
